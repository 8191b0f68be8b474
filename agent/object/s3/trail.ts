/** What a request comes by on its way and a log of it wants to know. Written by whoever finds it, read once it is answered. */
import type { Principal } from '../../http/port.ts';
import type { Address } from './address.ts';
import type { Bucket } from './bucket-access.ts';

/** One of many keys that a request deletes. */
export interface DeletedKey {
  readonly key: string;
  readonly versionId: string | undefined;
  readonly status: number;
  readonly errorCode?: string;
}

export interface Trail {
  /** By name. */
  readonly buckets: Map<string, Bucket>;
  readonly deleted: DeletedKey[];
  principal: Principal | undefined;
  /** What it copies. */
  source: Address | undefined;
  /** An access list let it in. */
  isByList: boolean;
  errorCode: string | undefined;
}

export const newTrail = (): Trail => ({
  buckets: new Map(),
  deleted: [],
  principal: undefined,
  source: undefined,
  isByList: false,
  errorCode: undefined,
});
