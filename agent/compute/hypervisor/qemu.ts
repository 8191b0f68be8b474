/**
 * The QEMU driver. Each machine has a folder with its definition, disk, config drive, console and monitor socket,
 * and one process that is a daemon of its own: an agent that is killed and started again finds it there.
 *
 * A second process for the same machine cannot come up, whoever starts it: QEMU locks the pid file and the disk.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, ShoalError } from '../../../proto/error.ts';
import { syncFolder, writeFileAtomic } from '../../base/atomic-file.ts';
import { keyedSerial } from '../../base/serial.ts';
import type { Runtime } from '../../runtime/ports.ts';
import {
  diskCreateTimeoutMs,
  machineEndTimeoutMs,
  machineStartTimeoutMs,
  powerButtonRepeatMs,
  processPollMs,
  qmpPendingMax,
} from '../limits.ts';
import { boundConsole, readConsoleLog } from './console-log.ts';
import {
  findMachineProcess,
  killMachine,
  type MachineProcess,
  spawnMachine,
  waitGone,
} from './machine-process.ts';
import type { Hypervisor, MachineDefinition, Power, TurnOptions } from './port.ts';
import { runProgram } from './program.ts';
import { machineFiles, qemuArguments } from './qemu-arguments.ts';
import type { QemuPrograms } from './qemu-probe.ts';
import { openQmp, type Qmp } from './qmp.ts';

/** Monitor events after which a machine's power is worth a look. */
const tellingEvents = new Set(['SHUTDOWN', 'STOP', 'RESUME', 'GUEST_PANICKED']);

/** QEMU's run states (qapi/run-state.json) as ours. What is not named here runs or is about to. */
const powerOfState: Readonly<Record<string, Power>> = {
  paused: 'paused',
  'io-error': 'paused',
  shutdown: 'off',
  'guest-panicked': 'off',
  'internal-error': 'off',
};

const isMachineId = (name: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name);

export const openQemu = (
  parts: { readonly runtime: Runtime; readonly programs: QemuPrograms },
  settings: {
    /** One folder a machine is made in it. */
    readonly directory: string;
  },
): Hypervisor => {
  const { programs, runtime } = parts;
  const { clock, timers } = runtime;
  const listeners = new Set<(id: string) => void>();
  const monitors = new Map<string, Promise<Qmp>>();
  const locks = keyedSerial('machine', qmpPendingMax);
  const folderOf = (id: string): string => {
    if (!isMachineId(id))
      throw new ShoalError('BAD_REQUEST', `Cannot name a machine ${JSON.stringify(id)}: it has a UUID`);
    return join(settings.directory, id);
  };
  const tell = (id: string): void => {
    for (const listener of listeners) listener(id);
  };

  const monitor = (id: string): Promise<Qmp> => {
    const known = monitors.get(id);
    if (known) return known;
    const opening = openQmp({ folder: folderOf(id), name: machineFiles.monitor }, ({ event }) => {
      if (tellingEvents.has(event)) tell(id);
    });
    monitors.set(id, opening);
    const forget = (): void => {
      if (monitors.get(id) === opening) monitors.delete(id);
    };
    opening.then(
      (qmp) =>
        qmp.closed.then(() => {
          forget();
          tell(id);
        }),
      forget,
    );
    return opening;
  };
  const ask = async (id: string, command: string): Promise<unknown> => (await monitor(id)).execute(command);

  const definition = async (id: string): Promise<MachineDefinition | undefined> => {
    const text = await readFile(join(folderOf(id), machineFiles.definition), 'utf8').catch(() => undefined);
    return text === undefined ? undefined : (JSON.parse(text) as MachineDefinition);
  };

  /** A process whose monitor is silent counts as running: it may be, and a second one must never start. */
  const powerOf = async (id: string, found: MachineProcess | undefined): Promise<Power> => {
    if (!found) return 'stopped';
    try {
      const { status } = (await ask(id, 'query-status')) as { readonly status: string };
      return powerOfState[status] ?? 'running';
    } catch (thrown) {
      if ((await findMachineProcess(folderOf(id), id)) === undefined) return 'stopped';
      runtime.log.warn('machine does not answer its monitor', { machine: id, error: String(thrown) });
      return 'running';
    }
  };
  const look = async (id: string) => {
    const found = await findMachineProcess(folderOf(id), id);
    return { found, power: await powerOf(id, found) };
  };

  /** Up when its monitor answers. */
  const start = async (machine: MachineDefinition): Promise<void> => {
    const { id } = machine;
    const folder = folderOf(id);
    const endMs = clock.monotonicMs() + machineStartTimeoutMs;
    let ended = false;
    const child = await spawnMachine(programs.system, qemuArguments(programs, machine, folder), folder);
    child.ended.then(() => {
      ended = true;
    });
    for (;;) {
      // An agent that was killed while it started this machine may have succeeded: then this process gives way to it.
      const found = await findMachineProcess(folder, id);
      if (found && (await monitor(id).catch(() => undefined))) return;
      if ((ended && !found) || clock.monotonicMs() > endMs) break;
      await timers.sleep(processPollMs);
    }
    const output = await readFile(join(folder, machineFiles.output), 'utf8').catch(() => '');
    const words = output.trim().split('\n').slice(-3).join('; ').slice(0, 500);
    throw new ShoalError('INTERNAL', `Cannot start machine ${id}: ${words || 'QEMU says nothing'}`);
  };

  /** Asks the guest to power off. Resolves when it did, or when the time is up. */
  const askToStop = async (id: string, { graceMs = 0, signal }: TurnOptions): Promise<void> => {
    const endMs = clock.monotonicMs() + graceMs;
    let pressAtMs = 0;
    while (clock.monotonicMs() < endMs) {
      if (clock.monotonicMs() >= pressAtMs) {
        await ask(id, 'system_powerdown');
        pressAtMs = clock.monotonicMs() + powerButtonRepeatMs;
      }
      if ((await look(id)).power !== 'running') return;
      await timers.sleep(4 * processPollMs, signal);
    }
  };

  /** `quit` lets QEMU flush its disk; a process that does not even hear that is killed. */
  const end = async (id: string, found: MachineProcess): Promise<void> => {
    try {
      await ask(id, 'quit').catch((thrown: unknown) => {
        if (!hasCode(thrown, 'UNREACHABLE')) throw thrown;
      });
      await waitGone(runtime, found, machineEndTimeoutMs);
    } catch (thrown) {
      runtime.log.warn('machine does not quit, killing it', { machine: id, error: String(thrown) });
      await killMachine(found);
      await waitGone(runtime, found, machineEndTimeoutMs);
    }
  };

  const stop = async (id: string, options: TurnOptions): Promise<void> => {
    const { found, power } = await look(id);
    if (!found) return;
    if (power === 'running')
      await askToStop(id, options).catch((thrown: unknown) => {
        options.signal?.throwIfAborted();
        runtime.log.warn('machine cannot be asked to stop', { machine: id, error: String(thrown) });
      });
    await end(id, found);
  };

  const turn = async (
    id: string,
    wanted: Parameters<Hypervisor['turn']>[1],
    options: TurnOptions,
  ): Promise<void> => {
    const machine = await definition(id);
    if (!machine)
      throw new ShoalError('NOT_FOUND', `Cannot turn machine ${id} ${wanted}: it is not defined here`);
    if (wanted === 'stopped') return stop(id, options);
    const { found, power } = await look(id);
    if (power === wanted) return;
    if (wanted === 'paused') {
      if (power !== 'running') throw new ShoalError('CONFLICT', `Cannot pause machine ${id}: it is ${power}`);
      await ask(id, 'stop');
    } else if (power === 'paused') await ask(id, 'cont');
    else {
      if (found) await end(id, found);
      await start(machine);
    }
  };

  return {
    name: `qemu-${programs.accel}`,
    async list() {
      const names = await readdir(settings.directory).catch(() => []);
      return names.filter(isMachineId);
    },
    async power(id) {
      if (!(await definition(id))) return undefined;
      await boundConsole(folderOf(id)).catch((thrown: unknown) =>
        runtime.log.warn('console cannot be kept', { machine: id, error: thrown }),
      );
      return (await look(id)).power;
    },
    define: (spec, signal) =>
      locks.run(spec.id, async () => {
        const known = await definition(spec.id);
        if (known) return known;
        const folder = folderOf(spec.id);
        // What is there without a definition was left by an agent that was killed while it made it.
        await rm(folder, { recursive: true, force: true });
        await mkdir(folder, { recursive: true, mode: 0o700 });
        const { configDrive, ...rest } = spec;
        if (configDrive)
          await writeFile(join(folder, machineFiles.configDrive), configDrive, { flush: true });
        const { baseFile, baseFormat, sizeBytes } = spec.disk;
        const disk = join(folder, machineFiles.disk);
        const args = [
          'create',
          '-q',
          '-f',
          'qcow2',
          '-b',
          baseFile,
          '-F',
          baseFormat,
          disk,
          String(sizeBytes),
        ];
        const { status, stderr } = await runProgram(programs.image, args, {
          timeoutMs: diskCreateTimeoutMs,
          signal,
        });
        if (status !== 0)
          throw new ShoalError(
            'INTERNAL',
            `Cannot make the disk of machine ${spec.id}: ${stderr.slice(0, 500)}`,
          );
        const machine: MachineDefinition = { ...rest, hasConfigDrive: configDrive !== null };
        await writeFileAtomic(join(folder, machineFiles.definition), JSON.stringify(machine));
        await syncFolder(settings.directory);
        return machine;
      }),
    definition,
    turn: (id, power, options = {}) => locks.run(id, () => turn(id, power, options)),
    destroy: (id) =>
      locks.run(id, async () => {
        await stop(id, {});
        await rm(folderOf(id), { recursive: true, force: true });
      }),
    readConsole: (id, bytesMax) => readConsoleLog(folderOf(id), bytesMax),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    async close() {
      listeners.clear();
      for (const opening of monitors.values()) (await opening.catch(() => undefined))?.close();
    },
  };
};
