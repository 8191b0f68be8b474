/**
 * How hosts talk. Small requests and gossip travel on libp2p; bulk bytes on HTTP over mutual TLS pinned to host
 * keys. Every message comes from a host on the roster: the peer layer drops all others before a handler runs.
 */
import type { HostId } from '../../proto/ids.ts';

export interface RequestOptions {
  /** Bound on the whole exchange. Default `rpcTimeoutMs` in `peer/limits.ts`. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** Plain data that msgpack carries: objects, arrays, strings, numbers, booleans, null, Uint8Array. */
export type RpcHandler = (from: HostId, body: unknown, signal: AbortSignal) => unknown | Promise<unknown>;

export interface Rpc {
  readonly self: HostId;
  /**
   * Many may be in flight at once to one host. A request to `self` calls the handler directly.
   * Throws UNREACHABLE, TIMEOUT, NOT_ON_ROSTER, or the ShoalError (code, message, details) that the handler threw.
   */
  request(to: HostId, method: string, body: unknown, options?: RequestOptions): Promise<unknown>;
  /** One-way: like a request whose answer nobody waits for; never throws. */
  notify(to: HostId, method: string, body: unknown): void;
  /** One handler a method, e.g. `table.read`. */
  handle(method: string, handler: RpcHandler): void;
}

export interface Gossip {
  /** To every host, best effort, signed by this one. */
  publish(topic: string, body: unknown): void;
  subscribe(topic: string, handler: (from: HostId, body: unknown) => void): void;
}

export interface BulkBody extends AsyncIterable<Uint8Array> {
  /**
   * In place of iterating, where there is this: all of it to the buffer's begin. Resolves with its length; throws TOO_LARGE when it
   * does not fit, ABORTED when the sender went away. The buffer is the caller's again then.
   */
  readonly fill?: (buffer: Uint8Array) => Promise<number>;
}

export interface BulkRequest {
  readonly from: HostId;
  readonly method: 'GET' | 'PUT' | 'DELETE';
  /** Below the prefix it was served under, without a leading slash. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: BulkBody;
  readonly signal: AbortSignal;
}

export interface BulkAnswer {
  readonly headers?: Readonly<Record<string, string>>;
  /** A piece of many is asked for when the system has the one before. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
}

export interface BulkOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Length is sent when it is a Uint8Array. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array>;
  readonly signal?: AbortSignal;
  /** Bound on waiting for the answer's head and for each next piece of its body. */
  readonly timeoutMs?: number;
}

export interface Bulk {
  /** Throws like `Rpc.request`. The body must be read to its end or its iterator returned. */
  request(
    to: HostId,
    method: BulkRequest['method'],
    path: string,
    options?: BulkOptions,
  ): Promise<{
    readonly headers: Readonly<Record<string, string>>;
    readonly body: AsyncIterable<Uint8Array>;
  }>;
  /** All paths that start with `prefix/`. */
  serve(prefix: string, handler: (request: BulkRequest) => Promise<BulkAnswer>): void;
}
