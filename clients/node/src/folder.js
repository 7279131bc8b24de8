/**
 * Reads the files of a bundle's folder: regular files inside it, each bounded in size.
 *
 * On Linux every file is opened relative to the folder's descriptor, one component at a
 * time and never through a link, so that nothing can be exchanged between check and read.
 */

import fs from "node:fs";
import path from "node:path";

import { BundleRefusedError } from "./errors.js";

const { O_RDONLY, O_DIRECTORY = 0, O_NOFOLLOW = 0, O_NONBLOCK = 0, O_NOCTTY = 0 } = fs.constants;
const FILE = O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY;
const DIRECTORY = O_RDONLY | O_DIRECTORY;
/** Links followed for one name: a mounted ConfigMap needs two. */
const MAX_LINKS = 8;
const DESCRIPTORS = "/proc/self/fd";

export class BundleFolder {
  /** @param {string} folder @param {number} maxBytes bound on the sum of all files */
  constructor(folder, maxBytes) {
    this.path = folder;
    this.maxBytes = maxBytes;
    this.left = maxBytes;
    try {
      this.descriptor = fs.openSync(folder, DIRECTORY);
    } catch (error) {
      throw this.refused(`the folder cannot be opened: ${why(error)}`);
    }
    this.opened = fs.fstatSync(this.descriptor, { bigint: true });
  }

  close() {
    fs.closeSync(this.descriptor);
  }

  /** Whether the path leads to another folder than the one that was opened. */
  wasExchanged() {
    try {
      const now = fs.statSync(this.path, { bigint: true });
      return now.dev !== this.opened.dev || now.ino !== this.opened.ino;
    } catch {
      return false;
    }
  }

  /** Read one file whole. @param {string} name @param {number} maxBytes @returns {Buffer} */
  read(name, maxBytes) {
    if (!name || name === "." || name === ".." || /[/\0]/.test(name)) {
      throw this.refused(`file name \`${name.slice(0, 80)}\` leaves it`);
    }
    let descriptor;
    try {
      descriptor = this.open([name], MAX_LINKS);
    } catch (error) {
      throw this.refused(`${name.slice(0, 80)} cannot be read: ${why(error)}`);
    }
    try {
      return this.content(descriptor, name.slice(0, 80), maxBytes);
    } finally {
      fs.closeSync(descriptor);
    }
  }

  /** Open a path below the folder without following a link out of it. */
  open(parts, links) {
    const held = [];
    let holder = below(this.descriptor, this.path);
    const done = [];
    try {
      for (let place = 0; ; place += 1) {
        const part = parts[place];
        const here = path.posix.join(holder, part);
        const link = linkOf(here);
        if (link !== null) {
          if (links === 0) throw new Error("too many links");
          const rest = parts.slice(place + 1);
          return this.open(inside([...done, ...link.split("/"), ...rest], link), links - 1);
        }
        if (place === parts.length - 1) return fs.openSync(here, FILE);
        const descriptor = fs.openSync(here, DIRECTORY | O_NOFOLLOW);
        held.push(descriptor);
        holder = below(descriptor, here);
        done.push(part);
      }
    } finally {
      held.forEach((descriptor) => fs.closeSync(descriptor));
    }
  }

  content(descriptor, name, maxBytes) {
    const status = fs.fstatSync(descriptor);
    if (!status.isFile()) throw this.refused(`${name} is not a regular file`);
    if (status.size > maxBytes) throw this.refused(`${name} is larger than ${maxBytes} bytes`);
    if (status.size > this.left) {
      throw this.refused(`its files are larger than ${this.maxBytes} bytes`);
    }
    this.left -= status.size;
    const buffer = Buffer.alloc(status.size);
    let place = 0;
    try {
      for (let got = 1; got > 0 && place < buffer.length; place += got) {
        got = fs.readSync(descriptor, buffer, place, buffer.length - place, null);
      }
    } catch (error) {
      throw this.refused(`${name} cannot be read: ${why(error)}`);
    }
    return buffer.subarray(0, place);
  }

  refused(reason) {
    return new BundleRefusedError(reason, this.path);
  }
}

/** A path that leads through an open descriptor where the system has such paths. */
function below(descriptor, otherwise) {
  return process.platform === "linux" ? `${DESCRIPTORS}/${descriptor}` : otherwise;
}

/** Where a link points to; null where the name is not a link. */
function linkOf(file) {
  try {
    return fs.readlinkSync(file);
  } catch (error) {
    if (error.code === "EINVAL") return null;
    throw error;
  }
}

/** Resolve `.` and `..` of a link's target in words; it must stay in the folder. */
function inside(parts, link) {
  const kept = [];
  for (const part of parts) {
    if (part === "..") {
      if (!kept.length) throw new Error("a link that leaves the folder");
      kept.pop();
    } else if (part !== "" && part !== ".") {
      kept.push(part);
    }
  }
  if (link.startsWith("/") || !kept.length) throw new Error("a link that leaves the folder");
  return kept;
}

function why(error) {
  return error.code ?? error.message;
}
