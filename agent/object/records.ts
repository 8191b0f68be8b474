/**
 * The rows of the object service.
 *
 *   object-account     register  project / "account"            metadata of the account
 *   object-container   register  project / name                 the container's incarnation, lists, metadata
 *   object             rows      incarnation / name             one upload: where its bytes are, what it is
 *   object-post        rows      incarnation / name NUL upload  what a POST later said about that upload
 *
 * An object's partition key is the id of its container's incarnation, drawn when the container is created: a
 * container that is deleted and created again can never show an old row, and no two names can run together.
 * A POST has a row of its own because a row is replaced whole: a POST that raced with a PUT would bring the old
 * bytes back. The upload's id ties the two; a POST to an upload that was replaced has no effect.
 */
import type { Uuid } from '../../proto/ids.ts';
import type { Content } from '../chunk/port.ts';
import type { Registers, Rows, Tables } from '../table/port.ts';
import type { Metadata } from './metadata.ts';

export interface AccountRow {
  readonly createdAtMs: number;
  readonly metadata: Metadata;
}

export interface ContainerRow {
  /** This incarnation: partition key of its objects. */
  readonly id: Uuid;
  readonly createdAtMs: number;
  readonly changedAtMs: number;
  readonly metadata: Metadata;
  readonly readList: string;
  readonly writeList: string;
  /** Token of a deletion that found or is finding out whether it is empty. null: open. */
  readonly closing: Uuid | null;
}

/** What GET and HEAD tell beside the bytes, and a POST may replace. */
export interface ObjectFacts {
  readonly contentType: string;
  /** Content-Encoding, Content-Disposition and the like. */
  readonly kept: Metadata;
  readonly metadata: Metadata;
  /** When it is gone, in seconds since 1970; null: never. */
  readonly deleteAtSeconds: number | null;
  /** Of the upload, or of the POST. */
  readonly changedAtMs: number;
}

export interface ObjectRow extends ObjectFacts {
  /** Names this upload; the user of its chunks is `chunkUser(upload)`. */
  readonly upload: Uuid;
  readonly content: Content;
  readonly bytes: number;
  readonly md5: string;
}

export interface PostRow extends ObjectFacts {
  readonly upload: Uuid;
}

export interface Records {
  readonly accounts: Registers<AccountRow>;
  readonly containers: Registers<ContainerRow>;
  readonly objects: Rows<ObjectRow>;
  readonly posts: Rows<PostRow>;
}

export const accountKey = 'account';
export const chunkUser = (upload: Uuid): string => `object:${upload}`;
/** NUL is in no name: all posts of a name stand together, directly after it. */
export const postKey = (name: string, upload: Uuid): string => `${name}\0${upload}`;

export const openRecords = (tables: Tables): Records => ({
  accounts: tables.registers<AccountRow>({ name: 'object-account' }),
  containers: tables.registers<ContainerRow>({ name: 'object-container' }),
  objects: tables.rows<ObjectRow>({ name: 'object', weight: (row) => row.bytes }),
  posts: tables.rows<PostRow>({ name: 'object-post' }),
});

/** An upload as its newest post shows it. */
export const withPost = (row: ObjectRow, post: PostRow | undefined): ObjectRow =>
  post && post.upload === row.upload ? { ...row, ...post } : row;

export const isExpired = (facts: ObjectFacts, nowMs: number): boolean =>
  facts.deleteAtSeconds !== null && facts.deleteAtSeconds * 1000 <= nowMs;
