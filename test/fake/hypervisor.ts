/**
 * A hypervisor without machines, held to the real ones' suite. Its guest "boots" at once and says on the console what
 * the test guest would say. What is on its disk outlives it: open it again over the same disk for the next agent.
 */

import { existsSync } from 'node:fs';
import type { Hypervisor, MachineDefinition, Power } from '../../agent/compute/hypervisor/port.ts';
import { ShoalError } from '../../proto/error.ts';

export interface FakeMachine {
  definition?: MachineDefinition;
  drive: string;
  power: Power;
  console: string;
  starts: number;
}

export type FakeDisk = Map<string, FakeMachine>;

export interface FakeHypervisor extends Hypervisor {
  readonly disk: FakeDisk;
  /** Called before each step; what it throws the step throws. */
  onStep?: (step: string, id: string) => void | Promise<void>;
  /** The guest powers itself off, or its process vanishes. */
  guestTurns(id: string, power: 'off' | 'stopped'): void;
}

const isMachineId = (id: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id);

const boot = (machine: FakeMachine): void => {
  const value = (name: string): string => new RegExp(`"${name}":"([^"]*)"`).exec(machine.drive)?.[1] ?? '';
  const keys = new Set(machine.drive.match(/ssh-ed25519 [^"\\]*/g) ?? []);
  const said = /#!\/bin\/sh\necho (.*)/.exec(machine.drive)?.[1];
  machine.console += [
    `shoal-guest: metadata from config drive, instance ${value('uuid')}`,
    ...[...keys].map((key) => `shoal-guest: key ${key}`),
    `shoal-guest: ready 1.00s ${value('hostname')}`,
    ...(said === undefined ? [] : [`shoal-guest: user-data: ${said}`, 'shoal-guest: user-data exit 0']),
    '',
  ].join('\n');
};

export const fakeHypervisor = (disk: FakeDisk = new Map()): FakeHypervisor => {
  const listeners = new Set<(id: string) => void>();
  const tell = (id: string): void => {
    setImmediate(() => {
      for (const listener of listeners) listener(id);
    });
  };
  const check = (id: string): void => {
    if (!isMachineId(id))
      throw new ShoalError('BAD_REQUEST', `Cannot name a machine ${JSON.stringify(id)}: it has a UUID`);
  };
  const fake: FakeHypervisor = {
    name: 'fake',
    disk,
    list: async () => [...disk.keys()],
    async power(id) {
      check(id);
      const machine = disk.get(id);
      return machine?.definition && machine.power;
    },
    async define(spec, signal) {
      await fake.onStep?.('define', spec.id);
      signal.throwIfAborted();
      const known = disk.get(spec.id)?.definition;
      if (known) return known;
      const { configDrive, ...rest } = spec;
      const machine: FakeMachine = {
        drive: Buffer.from(configDrive ?? []).toString('latin1'),
        power: 'stopped',
        console: '',
        starts: 0,
      };
      disk.set(spec.id, machine);
      if (!existsSync(spec.disk.baseFile))
        throw new ShoalError('INTERNAL', `Cannot make the disk of machine ${spec.id}`);
      machine.definition = { ...rest, hasConfigDrive: configDrive !== null };
      return machine.definition;
    },
    async turn(id, power) {
      await fake.onStep?.(power, id);
      const machine = disk.get(id);
      if (!machine?.definition) throw new ShoalError('NOT_FOUND', `Machine ${id} is not defined here`);
      if (power === 'paused' && machine.power !== 'running' && machine.power !== 'paused')
        throw new ShoalError('CONFLICT', `Cannot pause machine ${id}: it is ${machine.power}`);
      if (power === 'running' && (machine.power === 'stopped' || machine.power === 'off')) {
        machine.starts += 1;
        boot(machine);
      }
      if (machine.power !== power) tell(id);
      machine.power = power;
    },
    async destroy(id) {
      await fake.onStep?.('destroy', id);
      disk.delete(id);
    },
    readConsole: async (id, bytesMax) =>
      new Uint8Array(Buffer.from((disk.get(id)?.console ?? '').slice(-bytesMax))),
    definition: async (id) => disk.get(id)?.definition,
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close: async () => listeners.clear(),
    guestTurns(id, power) {
      const machine = disk.get(id);
      if (machine) machine.power = power;
      tell(id);
    },
  };
  return fake;
};
