/** Reads the toolkit's bundles and takes their decisions; see `docs/reference/bundle.md`. */

export { Bundle, readBundle } from "./bundle.js";
export { BundleRefusedError, SchemaError, UsageError } from "./errors.js";
