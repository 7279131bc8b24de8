/** `seal.json`: the hash of a bundle's manifest, and the team's signature over it. */

import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";

import { SchemaError, UsageError } from "./errors.js";
import { oneOf, parse, section, text } from "./json-rules.js";

export const SEAL_NAME = "seal.json";
export const SEAL_MAX_BYTES = 4096;
const HEX_64 = text(64, { pattern: /^[0-9a-f]{64}$/ });
const HEX_16 = text(16, { pattern: /^[0-9a-f]{16}$/ });
const SEAL = section(
  { format: oneOf(1), manifest_sha256: HEX_64 },
  { may: { key_id: HEX_16, hmac_sha256: HEX_64 } },
);
const PURPOSE = "toolkit bundle manifest\n";
const KEY_BYTES = 32;
const KEY_MAX_FILE_BYTES = 1024;
const KEY_VARIABLE = "TOOLKIT_SIGNING_KEY";

export function sha256(content) {
  return createHash("sha256").update(content).digest("hex");
}

/**
 * Why a seal does not hold, or null.
 * @param {Uint8Array} content of `seal.json` @param {Uint8Array} manifest
 * @param {Uint8Array | null} key whose signature is required; null asks for the hash alone
 */
export function sealProblem(content, manifest, key) {
  let seal;
  try {
    seal = parse(content);
    SEAL(seal, "seal");
  } catch (error) {
    return `${SEAL_NAME}: ${error instanceof SchemaError ? error.message : "not JSON"}`;
  }
  if (seal.manifest_sha256 !== sha256(manifest)) {
    return "manifest.json was altered (its hash differs)";
  }
  if (key === null) return null;
  if (!Object.hasOwn(seal, "hmac_sha256")) {
    return "it is not signed, and this machine has a signing key";
  }
  const id = keyId(key);
  if (seal.key_id !== id) return `it is signed by key ${seal.key_id}, not by ${id}`;
  const signed = createHmac("sha256", key).update(PURPOSE).update(manifest).digest();
  if (!timingSafeEqual(Buffer.from(seal.hmac_sha256, "hex"), signed)) {
    return "its signature does not hold: it was altered after signing";
  }
  return null;
}

/** Name a key without giving it away. @param {Uint8Array} key */
export function keyId(key) {
  return createHash("sha256").update("toolkit key id\n").update(key).digest("hex").slice(0, 16);
}

/**
 * Read the team's key where the Python toolkit looks for it; null where none is installed.
 * @returns {Buffer | null}
 */
export function installedKey() {
  const named = process.env[KEY_VARIABLE];
  const config = process.env.XDG_CONFIG_HOME || path.join(os.homedir(), ".config");
  const file = named || path.join(config, "toolkit", "signing.key");
  let descriptor;
  try {
    descriptor = fs.openSync(file, fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0));
  } catch (error) {
    if (error.code === "ENOENT" && named === undefined) return null;
    throw new UsageError(`signing key ${file}: ${error.code}`);
  }
  try {
    return keyOf(descriptor, file);
  } finally {
    fs.closeSync(descriptor);
  }
}

function keyOf(descriptor, file) {
  const status = fs.fstatSync(descriptor);
  if (!status.isFile() || status.size > KEY_MAX_FILE_BYTES) {
    throw new UsageError(`signing key ${file} is not a small file`);
  }
  if (process.platform !== "win32" && status.mode & 0o007) {
    throw new UsageError(`signing key ${file} is open to others; chmod 600 it`);
  }
  return secretOf(fs.readFileSync(descriptor, "latin1").trim(), `signing key ${file}`);
}

/** Check a key: bytes, or hexadecimal digits. @returns {Buffer} */
export function secretOf(key, name = "the key") {
  if (typeof key === "string" && !/^([0-9a-fA-F]{2})*$/.test(key)) {
    throw new UsageError(`${name} is not hexadecimal`);
  }
  const secret = typeof key === "string" ? Buffer.from(key, "hex") : Buffer.from(key);
  if (secret.length < KEY_BYTES) {
    throw new UsageError(`${name} holds ${secret.length} bytes, at least ${KEY_BYTES} needed`);
  }
  return secret;
}
