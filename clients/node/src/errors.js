/** Errors of the reader; names and meaning are those of the Python toolkit. */

/** A bundle failed a check and must not be used. */
export class BundleRefusedError extends Error {
  /** @param {string} reason which check failed and how @param {string} [path] the bundle */
  constructor(reason, path = "") {
    super(path ? `bundle ${path} refused: ${reason}` : reason);
    this.name = "BundleRefusedError";
    this.reason = reason;
    this.path = path;
  }
}

/** A field of a document, or a value of a context, holds what it may not. */
export class SchemaError extends Error {
  /** @param {string} problem @param {string} [field] */
  constructor(problem, field = "") {
    super(field ? `field \`${field}\`: ${problem}` : problem);
    this.name = "SchemaError";
    this.problem = problem;
    this.field = field;
  }
}

/** An argument is outside what a call accepts. */
export class UsageError extends Error {
  /** @param {string} message */
  constructor(message) {
    super(message);
    this.name = "UsageError";
  }
}
