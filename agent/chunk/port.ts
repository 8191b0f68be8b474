/**
 * Content: bytes of any length, cut into chunks of at most 4 MiB that are named by their BLAKE3-256 and kept by
 * the owners of that name. Content up to `inlineBytesMax` travels inside the row that describes it.
 */
import type { ChunkId } from '../../proto/ids.ts';
import type { Code } from '../../proto/policy.ts';
import type { Vault } from './vault.ts';

/** One chunk of a content. */
export interface Piece {
  readonly id: ChunkId;
  /** Bytes of the content in it. */
  readonly length: number;
  /** It is kept as that many bytes of zstd. */
  readonly zstdBytes?: number;
  /** It lies in a vault. */
  readonly iv?: Uint8Array;
  /** It is kept as fragments, and `id` names its stripe: see `stripe/name.ts`. Absent: as whole copies. */
  readonly isStripe?: true;
}

/** What a row stores to find its bytes again. */
export type Content =
  | { readonly kind: 'inline'; readonly bytes: Uint8Array; readonly iv?: Uint8Array }
  | { readonly kind: 'chunks'; readonly chunks: readonly Piece[] };

export type DigestName = 'md5' | 'sha256' | 'sha512';

/** Where a row will stand that names the user of an upload. */
export interface Claim {
  /** Whose rows those are: who judges such claims. */
  readonly of: string;
  readonly id: string;
  readonly name: string;
  /** What else the judge needs to know. Absent: a claim of an earlier build. */
  readonly more?: Readonly<Record<string, string>>;
}

/**
 * Does a row name that user? Asked of uploads that are over without anybody knowing. "No" is for good: not even a put that is still
 * on its way may bring such a row, of which none is stamped after `endedMs`. undefined: that cannot be told yet. With null for
 * `endedMs` it is only looked, and nothing is said but yes.
 */
export type Judge = (claim: Claim, user: string, endedMs: number | null) => Promise<boolean | undefined>;
/** By `Claim.of`. */
export type Judges = ReadonlyMap<string, Judge>;

export interface WriteOptions {
  /** Who refers to the chunks, unique for this upload, e.g. `object:PROJECT:UPLOAD`. Needed again to release them. */
  readonly user: string;
  /** Beyond this the write fails with TOO_LARGE and leaves nothing. */
  readonly bytesMax: number;
  /** Default `inlineBytesMax` (16 KiB). 0: always chunks. */
  readonly inlineBytesMax?: number;
  /**
   * With it the references are owed until `keep`: where this agent dies before that, its next life asks the judge. Without it
   * they are owed until `write` resolves, and stay where it dies between that and the caller's row.
   */
  readonly claim?: Claim | undefined;
  /** Of the bytes that came. */
  readonly digests: readonly DigestName[];
  /** Where it is kept encrypted. Reading it takes the same. */
  readonly vault?: Vault | undefined;
  /** Chunks of at least `stripeBytesMin` are kept as fragments of this code. Default: all as whole copies. */
  readonly code?: Code | undefined;
  readonly signal?: AbortSignal;
}

export interface Written {
  readonly content: Content;
  /** Total. */
  readonly length: number;
  /** Lower-case hex, one for each digest that was asked for. */
  readonly digests: Readonly<Partial<Record<DigestName, string>>>;
}

export interface ReadOptions {
  /** First byte. Default 0. */
  readonly start?: number;
  /** End, excluded. Default the length. */
  readonly end?: number;
  readonly vault?: Vault | undefined;
  readonly signal?: AbortSignal;
}

export interface ContentStore {
  /** Those that there are hosts for now. */
  codes(): readonly Code[];
  /**
   * One pass over the source, bounded memory. Durable on a write quorum of every chunk's owners when it resolves.
   * When it throws (the source's own error, TOO_LARGE, QUORUM_MISSED, DISK_FULL), what it stored is given back.
   * A caller that then fails to commit its row calls `release`.
   */
  write(source: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<Written>;
  /**
   * Each piece was verified against its chunk's name, and is the caller's until it asks for the next one: its memory is used
   * again then. Throws DAMAGED when no good copy of a chunk is left.
   */
  read(content: Content, options?: ReadOptions): AsyncIterable<Uint8Array>;
  /**
   * The same bytes as new content of that code would be kept (undefined: copies), for another user; `content` stays as it is. In
   * the background: throttled. Durable when it resolves; throws what `read` and `write` throw, and leaves nothing then.
   */
  rekeep(
    content: Content,
    user: string,
    code: Code | undefined,
    signal: AbortSignal,
    claim?: Claim,
  ): Promise<Content>;
  /** Says more of where the row will stand, before it is put. Nothing where the user owes nothing. */
  claim(user: string, claim: Claim): Promise<void>;
  /** The row that the user's claim spoke of stands. What fails here the judge makes good. */
  keep(user: string): Promise<void>;
  /** Its caller has given up, or cannot know: nothing more is done for the user, and who looks later may judge. */
  end(user: string): void;
  /** Once for each kind of claims, before the agent serves. */
  judgeBy(of: string, judge: Judge): void;
  /** The user no longer needs the content. Idempotent; chunks nobody uses are collected later. */
  release(content: Content, user: string): Promise<void>;
  /**
   * A second user of the same content (copy without moving bytes). Durable when it resolves, provided that some user
   * still stood then: a caller that cannot be sure looks afterwards, and releases what it retained in vain. `claim`: as of a write.
   */
  retain(content: Content, user: string, claim?: Claim): Promise<void>;
}

export const contentLength = (content: Content): number =>
  content.kind === 'inline'
    ? content.bytes.length
    : content.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
