/** A request to S3 whose sender is known, and how its change gets into the journal. */
import type { RequestId } from '../../../proto/ids.ts';
import { type ApiAnswer, actorOf } from '../../http/port.ts';
import type { Caller } from '../access-list.ts';
import type { BucketNames } from '../bucket-names.ts';
import type { Context } from '../context.ts';
import type { Reader } from '../readable.ts';
import type { Address } from './address.ts';
import type { FormFields, SignForm } from './sign/form.ts';
import type { SignedIn } from './sign-in.ts';
import type { Trail } from './trail.ts';

export interface S3Ask extends SignedIn, Address {
  readonly requestId: RequestId;
  readonly method: string;
  /** Before the question mark, as it came. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Scheme, host and port that the client used, with its bucket where that stands in the host. */
  readonly origin: string;
  readonly isVirtualHost: boolean;
  readonly remoteAddress: string;
  readonly caller: Caller;
  readonly trail: Trail;
  readonly signal: AbortSignal;
}

/** What the calls of S3 work with. */
export interface S3Context extends Context {
  readonly bucketNames: BucketNames;
  /** Refusals are in the journal. */
  signForm(fields: FormFields, ask: Pick<S3Ask, 'remoteAddress' | 'requestId'>): ReturnType<SignForm>;
}

export type Serve = (context: S3Context, ask: S3Ask) => Promise<ApiAnswer>;

export const readerOf = (context: S3Context, { caller, signal }: S3Ask): Reader => ({
  context,
  caller,
  signal,
});

/** Writes the change to the journal: who did what to which key. */
export const record = (
  { journal }: S3Context,
  { requestId, principal, bucket, key }: S3Ask,
  action: string,
  detail?: Readonly<Record<string, unknown>>,
  target = key === '' ? bucket : `${bucket}/${key}`,
): void => {
  journal.append({
    requestId,
    actor: principal ? actorOf(principal) : null,
    action,
    target,
    outcome: 'done',
    ...(detail ? { detail } : {}),
  });
};
