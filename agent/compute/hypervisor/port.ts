/**
 * A hypervisor keeps machines on this host. A machine has a definition (its disk and what it is made of, on disk)
 * and a power state; it outlives the agent. Suite: `test/conform/hypervisor.ts`.
 *
 *             define            turn running          guest powers off
 *   (nothing) ───────> stopped ──────────────> running ───────────────> off
 *       ^                 ^  <── turn stopped ── │ ^                     │
 *       │ destroy         └──────────────────────┼─┼──── turn stopped ───┘
 *       └── from any                      turn   v │ turn running
 *                                       paused  paused
 */

/** `off`: the guest turned itself off, which is its user's wish. `stopped`: no process, for whatever reason. */
export type Power = 'running' | 'paused' | 'off' | 'stopped';

export interface MachineSpec {
  /** The server's id, a UUID; the guest sees it as its SMBIOS UUID. */
  readonly id: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly disk: {
    /** Verified image file that this machine's own disk is layered on. Never written. */
    readonly baseFile: string;
    readonly baseFormat: 'qcow2' | 'raw';
    /** Of the disk that the guest sees; at least the image's virtual size. */
    readonly sizeBytes: number;
  };
  /** Null: no network. */
  readonly nic: { readonly macAddress: string; readonly hostName: string } | null;
  /** An ISO 9660 image. Null: none. */
  readonly configDrive: Uint8Array | null;
}

/** Kept beside the disk; the config drive is a file of its own. */
export type MachineDefinition = Omit<MachineSpec, 'configDrive'> & { readonly hasConfigDrive: boolean };

export interface TurnOptions {
  readonly graceMs?: number;
  readonly signal?: AbortSignal;
}

export interface Hypervisor {
  /** As vitals show it: `qemu-kvm`, `qemu-tcg`. */
  readonly name: string;
  /** Ids of all machines of which anything is here, half-made ones included. */
  list(): Promise<readonly string[]>;
  /** Undefined: not defined here, or only in part. */
  power(id: string): Promise<Power | undefined>;
  /** Disk and definition are on disk when it resolves; a machine that is defined already stays as it is. */
  define(spec: MachineSpec, signal: AbortSignal): Promise<MachineDefinition>;
  /**
   * Idempotent. To `stopped`, the guest is asked first and has `graceMs` to comply; 0, the default, is like pulling
   * the plug. The signal ends the wait for the guest and leaves it as it is then.
   * Throws NOT_FOUND for a machine that is not defined, CONFLICT when paused is asked of one that does not run.
   */
  turn(id: string, power: 'running' | 'paused' | 'stopped', options?: TurnOptions): Promise<void>;
  /** Ends the process and removes all of it. Idempotent. */
  destroy(id: string): Promise<void>;
  /** The last bytes of the serial console, over all runs, at most `bytesMax`. Empty when there are none. */
  readConsole(id: string, bytesMax: number): Promise<Uint8Array>;
  /** What a machine here is made of, to keep the image files that are in use. */
  definition(id: string): Promise<MachineDefinition | undefined>;
  /** Called when a machine's power may have changed by itself. Returns its own cancellation. */
  onChange(listener: (id: string) => void): () => void;
  /** Lets go of the machines, which run on. */
  close(): Promise<void>;
}
