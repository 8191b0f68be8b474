/** What shoal uses of hyperdht, hyperswarm and hypercore, which ship no types. */
declare module 'hyperdht' {
  import type { EventEmitter } from 'node:events';

  export interface DhtNode {
    readonly host: string;
    readonly port: number;
  }
  interface Options {
    readonly bootstrap?: readonly (DhtNode | string)[];
    readonly nodes?: readonly DhtNode[];
    /** Others do not keep it in their tables. */
    readonly ephemeral?: boolean;
    /** Address to bind. */
    readonly host?: string;
    readonly port?: number;
  }
  interface QueryOptions {
    /** How often a node that does not answer is asked again. Default 5, a second or more each. */
    readonly retries?: number;
  }
  export default class HyperDHT extends EventEmitter {
    constructor(options?: Options);
    /** A node that others may start from: it stays, and is reachable at this address. */
    static bootstrapper(port: number, host: string, options?: Options): HyperDHT;
    fullyBootstrapped(): Promise<void>;
    addNode(node: DhtNode): void;
    /** Replies of the nodes nearest to the topic; throws when none answers. */
    lookup(
      topic: Uint8Array,
      options?: QueryOptions,
    ): AsyncIterable<{ readonly peers: readonly { readonly publicKey: Uint8Array }[] }>;
    /** The newest record under this key that its owner signed; null: none. Throws when no node answers. */
    mutableGet(
      publicKey: Uint8Array,
      options?: QueryOptions,
    ): Promise<{ readonly seq: number; readonly value: Uint8Array } | null>;
    /** Nodes keep the record with the highest `seq`. */
    mutablePut(
      keyPair: { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array },
      value: Uint8Array,
      options: QueryOptions & { readonly seq: number },
    ): Promise<unknown>;
    destroy(options?: { readonly force?: boolean }): Promise<void>;
  }
}

declare module 'hyperswarm' {
  import type { EventEmitter } from 'node:events';
  import type { Duplex } from 'node:stream';
  import type HyperDHT from 'hyperdht';

  interface KeyPair {
    readonly publicKey: Uint8Array;
    readonly secretKey: Uint8Array;
  }
  /** A noise stream: encrypted, and the remote key is proved. */
  export interface SwarmConnection extends Duplex {
    readonly remotePublicKey: Uint8Array;
    readonly isInitiator: boolean;
  }
  export interface SwarmPeer {
    readonly publicKey: Uint8Array;
    readonly banned: boolean;
    ban(value: boolean): void;
  }
  export interface Discovery {
    refresh(): Promise<boolean>;
    destroy(): Promise<void>;
  }
  export default class Hyperswarm extends EventEmitter<{ connection: [SwarmConnection, SwarmPeer] }> {
    constructor(options: {
      readonly keyPair: KeyPair;
      readonly dht: HyperDHT;
      readonly maxPeers?: number;
      /** True: refuse. */
      readonly firewall?: (remotePublicKey: Uint8Array) => boolean;
    });
    /** Where this host is announced under its key; `refresh` announces again. */
    readonly server: { refresh(): void };
    /** Connect to this key and again whenever it is lost, until `leavePeer`. */
    joinPeer(publicKey: Uint8Array): void;
    leavePeer(publicKey: Uint8Array): void;
    readonly connections: ReadonlySet<SwarmConnection>;
    readonly peers: ReadonlyMap<string, SwarmPeer>;
    join(topic: Uint8Array, options?: { readonly server?: boolean; readonly client?: boolean }): Discovery;
    destroy(options?: { readonly force?: boolean }): Promise<void>;
  }
}

declare module 'hypercore' {
  import type { EventEmitter } from 'node:events';
  import type { Duplex } from 'node:stream';

  interface KeyPair {
    readonly publicKey: Uint8Array;
    readonly secretKey: Uint8Array;
  }
  interface Manifest {
    readonly version?: number;
    readonly signers: readonly { readonly publicKey: Uint8Array; readonly namespace?: Uint8Array }[];
  }
  export interface HypercorePeer {
    readonly remotePublicKey: Uint8Array;
    readonly remoteFork: number;
    readonly remoteLength: number;
  }
  /** RocksDB that any number of cores share. */
  export interface CoreStorage {
    close(): Promise<void>;
  }
  /** A core without sessions; sessions of it leave the storage open when they close. */
  export interface Core {
    ready(): Promise<void>;
  }
  interface CoreOptions {
    readonly key: Uint8Array;
    readonly keyPair?: KeyPair;
    readonly manifest?: Manifest;
    /** False: a history that its owner rewrote is not taken over. */
    readonly allowFork?: boolean;
  }
  export default class Hypercore extends EventEmitter {
    constructor(options: { readonly core: Core; readonly keyPair?: KeyPair; readonly writable?: boolean });
    /** The core's key: a hash of its manifest. */
    static key(manifest: Manifest): Uint8Array;
    static discoveryKey(key: Uint8Array): Uint8Array;
    static defaultStorage(directory: string): CoreStorage;
    static createCore(storage: CoreStorage, options: CoreOptions): Core;
    /** Prepares a noise stream for replication; the hook gets the discovery keys that the other side offers. */
    static createProtocolStream(
      stream: Duplex,
      options: { readonly ondiscoverykey: (discoveryKey: Uint8Array) => void | Promise<void> },
    ): Duplex;
    readonly key: Uint8Array;
    readonly length: number;
    readonly fork: number;
    /** Blocks from 0 on that are here without a gap. */
    readonly contiguousLength: number;
    readonly writable: boolean;
    readonly peers: readonly HypercorePeer[];
    ready(): Promise<void>;
    append(blocks: Uint8Array | readonly Uint8Array[]): Promise<{ readonly length: number }>;
    /** Null when the block is not here and `wait` is false. */
    get(
      index: number,
      options?: { readonly wait?: boolean; readonly timeout?: number },
    ): Promise<Uint8Array | null>;
    download(range: { readonly start: number; readonly end: number }): unknown;
    replicate(stream: Duplex): Duplex;
    close(): Promise<void>;
  }
}
