/** Reads the toolkit's bundles and takes their decisions, as the Python toolkit does. */

/** A number, a text, or not known. NaN is not known; true is 1 and false 0. */
export type Value = number | string | boolean | null | undefined;

/** What is known before deciding, by column; columns that the bundle does not read are ignored. */
export type Context = Readonly<Record<string, Value>> | ReadonlyMap<string, Value>;

/** Rungs of the ladder, lowest first. */
export type Rung = "rule" | "tuned rule" | "best constant" | "learned";

/** Why an action was taken, as data. */
export interface Reason {
  /**
   * `learned_better`, `rule_and_learned_agree`, `tuned_rule_better`,
   * `rule_and_tuned_rule_agree`, `best_constant_better`, `rule_and_best_constant_agree`;
   * where no rung above the rule answers `not_shown_better`, `observed_only`,
   * `out_of_support`, or, without such rungs, the rule's own `optimal_size`, `high_load`,
   * `low_load`, `high_complexity`, `no_rule_constant`, `agent_count_rule`, `constant` or
   * `rule`; and `bundle_expired`, `bundle_refused`.
   */
  readonly code: string;
  /** The numbers behind it. */
  readonly facts: Readonly<Record<string, number | string>>;
}

/** The cost that the model expects of each action on offer, as natural logarithms. */
export interface CostCurve {
  readonly logCost: readonly number[];
  /** Bounds of each action's interval. */
  readonly logLow: readonly number[];
  readonly logHigh: readonly number[];
  /** Past rows near each action. */
  readonly support: readonly number[];
  /** True where costs compare between these actions only. */
  readonly relative: boolean;
}

/** The action that was taken, and what was known of it. */
export interface Decision {
  /** Place among the actions on offer. */
  readonly index: number;
  readonly label: string;
  /** The action's numbers: one size, one number of agents, or a table's columns. */
  readonly action: readonly number[];
  /** In the bundle's `cost_unit`; null where none is predicted or supported. */
  readonly expectedCost: number | null;
  readonly costLow: number | null;
  readonly costHigh: number | null;
  /** Probability, 0 to 1, of costing no more than the rule's action; null for that one. */
  readonly confidence: number | null;
  /** Past rows behind the action. */
  readonly support: number;
  /** Label of the rule's action. */
  readonly baseline: string;
  readonly reason: Reason;
  readonly policy: string;
  readonly version: string;
  /** Probability with which the action was taken: 1, since nothing is drawn here. */
  readonly propensity: number;
  readonly rung: Rung;
  readonly curve: CostCurve | null;
}

export interface ReadOptions {
  /**
   * The team's signing key, 32 bytes or more, or its hexadecimal digits; null requires no
   * signature. Unless given, it is the installed one: the file that `TOOLKIT_SIGNING_KEY`
   * names, or `~/.config/toolkit/signing.key`.
   */
  readonly key?: string | Uint8Array | null;
  /** False asks for no signature, whatever key is installed. Default true. */
  readonly signed?: boolean;
}

export interface DecideOptions {
  /** Offered instead of the bundle's own; a bundle that decides a table needs them. */
  readonly actions?: ArrayLike<number> | ArrayLike<ArrayLike<number>>;
  /** The time, a date or milliseconds since 1970; default now. */
  readonly now?: Date | number;
}

/** A verified bundle. */
export class Bundle {
  private constructor();
  readonly path: string;
  /** What `manifest.json` holds, checked; `docs/reference/bundle.md` describes it. */
  readonly manifest: Readonly<Record<string, any>>;
  /** Verified contents of the files that the manifest lists, by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Id of the key whose signature was verified. */
  readonly signedBy: string | null;
  readonly decision: "batch_size" | "agent_count" | "table";
  /** From then on the rule answers. */
  readonly expiresAt: Date;
  /** The actions that are chosen from; none where each question brings its own. */
  readonly actions: readonly (readonly number[])[];
  /**
   * Take a decision. After the end of the bundle, or where its model fails, the rule
   * answers, and the reason says so.
   * @throws {SchemaError} a value of the context is none that its column may hold
   * @throws {UsageError} the actions on offer are none
   */
  decide(context: Context, options?: DecideOptions): Decision;
  /**
   * Run the graph on encoded rows, one after the other.
   * @throws {BundleRefusedError} its answer is not one bounded number a row
   */
  logCost(features: Float32Array): number[];
}

/**
 * Verify and load a bundle: manifest, hashes, seal and signature, graph, golden rows.
 * @throws {BundleRefusedError} naming the first check that failed
 */
export function readBundle(path: string, options?: ReadOptions): Bundle;

/** A bundle failed a check and must not be used. */
export class BundleRefusedError extends Error {
  readonly reason: string;
  readonly path: string;
}

/** A value of a context is none that its column may hold. */
export class SchemaError extends Error {
  readonly problem: string;
  readonly field: string;
}

/** An argument is outside what a call accepts. */
export class UsageError extends Error {}
