/**
 * Many-step work. A saga is a table of action and undo whose progress is on disk, so kill -9 anywhere leads to a
 * resumed or an undone saga. A reconciler compares wanted with actual; a poke only says "look now".
 */
export interface SagaStep<State> {
  readonly name: string;
  /** Idempotent. Returns what later steps and its undo need (plain data, stored). */
  act(state: State, signal: AbortSignal): Promise<State>;
  /** Idempotent; must cope with an action that ran in part. Absent: nothing to undo. */
  undo?(state: State, signal: AbortSignal): Promise<void>;
}

export interface SagaKind<State> {
  readonly name: string;
  readonly steps: readonly SagaStep<State>[];
  /** After all steps, or after all undos with the error that started them. */
  finished?(state: State, failure: Error | undefined): void | Promise<void>;
}

export interface Sagas {
  /** Before `resume`. A kind's steps may grow at the end only. */
  define<State>(kind: SagaKind<State>): void;
  /** Stored before it resolves. All random choices (ids, names) are in `state` already. `id` twice runs once. */
  start<State>(kindName: string, id: string, state: State): Promise<void>;
  /** Resolves when the saga `id` has finished; throws its failure. */
  wait(id: string, signal?: AbortSignal): Promise<void>;
  /** Carry on with what a killed agent left. */
  resume(): Promise<void>;
}

export interface Reconciler {
  readonly name: string;
  /** Look now. Pokes while it runs lead to one more run. */
  poke(): void;
  stop(): Promise<void>;
}
