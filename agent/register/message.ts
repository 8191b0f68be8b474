/** What proposers and acceptors say to each other, per register; the shell adds which register is meant. */
import type { Ballot } from './ballot.ts';
import type { ChangeId } from './lineage.ts';

/** Opaque bytes; null: no value (never written, or deleted). */
export type Value = Uint8Array | null;

/** A value that an acceptor took, under the ballot that brought it. */
export interface Accepted {
  readonly ballot: Ballot;
  readonly value: Value;
  /** The newest changes that led to this value, newest first. */
  readonly lineage: readonly ChangeId[];
}

export type Request =
  /** Tell what you hold; promises nothing. */
  | { readonly kind: 'read' }
  /** Take nothing below this ballot from now on, and tell what you hold. */
  | { readonly kind: 'prepare'; readonly ballot: Ballot }
  /** Take this value. `next`: then promise this ballot too, which spares the next change its `prepare`. */
  | { readonly kind: 'accept'; readonly accepted: Accepted; readonly next: Ballot | null };

export type Reply =
  | { readonly kind: 'state'; readonly accepted: Accepted | null }
  | { readonly kind: 'promise'; readonly ballot: Ballot; readonly accepted: Accepted | null }
  /** `next`: the promise that was asked for along with it, null when a higher one stands. */
  | { readonly kind: 'accepted'; readonly ballot: Ballot; readonly next: Ballot | null }
  /** `ballot` was refused because `promised` is higher. */
  | { readonly kind: 'conflict'; readonly ballot: Ballot; readonly promised: Ballot };
