/**
 * The steps of a keeper: each does one thing to one machine and writes what came of it into the server's record,
 * unless the record has moved on meanwhile; then the next look decides anew.
 */
import { asShoalError } from '../../proto/error.ts';
import { GiB } from '../../proto/units.ts';
import type { Journal } from '../journal/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Claims, Room } from './claims.ts';
import { buildConfigDrive } from './config-drive.ts';
import type { Hypervisor } from './hypervisor/port.ts';
import type { ImageFiles } from './image-files.ts';
import {
  buildAttemptsMax,
  claimGraceMs,
  keeperPeriodMs,
  restartsMax,
  restartWindowMs,
  shutdownGraceMs,
} from './limits.ts';
import { bootKey, indexPartition, type Records, type Server } from './records.ts';
import type { Step } from './server-plan.ts';
import { failed } from './server-state.ts';

export interface KeeperParts {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly claims: Claims;
  readonly hypervisor: Hypervisor;
  readonly imageFiles: ImageFiles;
  readonly journal: Journal;
  /** What this host may give away. */
  readonly capacity: () => Room;
}

export interface KeeperSteps {
  /** True: look again at once. */
  take(step: Step, serverId: string, server: Server | undefined, signal: AbortSignal): Promise<boolean>;
  /** What a step threw. */
  handleFailure(step: Step, server: Server | undefined, thrown: unknown): Promise<void>;
}

export const roomOf = ({ flavor }: Pick<Server, 'flavor'>): Room => ({
  vcpus: flavor.vcpus,
  memoryMiB: flavor.memoryMiB,
  diskGiB: flavor.diskGiB,
});

export const openKeeperSteps = (parts: KeeperParts, self: string): KeeperSteps => {
  const { runtime, records, claims, hypervisor } = parts;
  const log = runtime.log.with({ part: 'keeper' });
  const restarts = new Map<string, readonly number[]>();
  const buildFailures = new Map<string, number>();
  /** Server to the request's time: a reboot whose record could not be written is not done again for that. */
  const rebooted = new Map<string, number>();
  const resumed = new Map<string, number>();
  const nowMs = (): number => runtime.clock.wallMs();

  const change = async (seen: Server, next: (server: Server) => Server): Promise<void> => {
    await records.servers.change(seen.projectId, seen.id, (server) => {
      if (!server || server.epoch !== seen.epoch || server.host !== seen.host) return server;
      if (server.wanted !== seen.wanted || server.taskState !== seen.taskState) return server;
      return next(server);
    });
  };

  const settle = (seen: Server, vmState: Server['vmState'], wanted = seen.wanted): Promise<void> =>
    change(seen, (server) => ({
      ...server,
      vmState,
      wanted,
      taskState: null,
      fault: null,
      updatedAtMs: nowMs(),
      launchedAtMs: server.launchedAtMs ?? (vmState === 'active' ? nowMs() : null),
    }));

  const tell = (server: Server, action: string, outcome: 'done' | 'failed', why?: string): void =>
    parts.journal.append({
      requestId: null,
      actor: null,
      action,
      target: server.id,
      outcome,
      detail: { projectId: server.projectId, name: server.name, ...(why !== undefined && { why }) },
    });

  const fail = async (server: Server, why: string): Promise<void> => {
    await change(server, (current) => failed(current, why, nowMs()));
    tell(server, 'server.fail', 'failed', why);
  };

  /** The record first: it tells that nothing of the server is here, which the next look then makes true. */
  const giveUp = async (server: Server, why: string): Promise<void> => {
    await change(server, (current) => ({ ...failed(current, why, nowMs()), host: null }));
    tell(server, 'server.create', 'failed', why);
    await cleanUp(server.id);
  };

  const cleanUp = async (serverId: string): Promise<void> => {
    await hypervisor.destroy(serverId);
    await records.byHost.delete(self, serverId);
    await claims.release(serverId);
    for (const memory of [restarts, buildFailures, rebooted, resumed]) memory.delete(serverId);
  };

  const build = async (server: Server, signal: AbortSignal): Promise<void> => {
    const { id, flavor, projectId } = server;
    // Held already in the usual case; it may have been let go while its creation was held up.
    await claims.take({ serverId: id, projectId, ...roomOf(server), atMs: nowMs() }, parts.capacity());
    await records.byHost.put(self, id, { projectId });
    const image = await parts.imageFiles.fetch(server.image.id, signal);
    const boot = (await records.boots.get(id, bootKey)) ?? { userData: null, adminPassword: '' };
    await hypervisor.define(
      {
        id,
        vcpus: flavor.vcpus,
        memoryMiB: flavor.memoryMiB,
        disk: {
          baseFile: image.path,
          baseFormat: image.format,
          sizeBytes: Math.max(flavor.diskGiB * GiB, image.virtualBytes),
        },
        nic: server.macAddress === null ? null : { macAddress: server.macAddress, hostName: server.hostName },
        configDrive: buildConfigDrive(server, boot, runtime.chance.bytes(512), nowMs()),
      },
      signal,
    );
    signal.throwIfAborted();
    await hypervisor.turn(id, 'running');
    await settle(server, 'active');
    buildFailures.delete(id);
    tell(server, 'server.create', 'done');
  };

  const stop = (serverId: string, gently: boolean, signal: AbortSignal): Promise<void> =>
    hypervisor.turn(serverId, 'stopped', { graceMs: gently ? shutdownGraceMs : 0, signal });

  const reboot = async (server: Server, gently: boolean, signal: AbortSignal): Promise<void> => {
    if (rebooted.get(server.id) !== server.updatedAtMs) {
      await stop(server.id, gently, signal);
      await hypervisor.turn(server.id, 'running');
      rebooted.set(server.id, server.updatedAtMs);
    }
    await settle(server, 'active');
  };

  const restart = async (server: Server): Promise<void> => {
    const recent = (restarts.get(server.id) ?? []).filter((atMs) => nowMs() - atMs < restartWindowMs);
    restarts.set(server.id, [...recent, nowMs()]);
    log.warn('machine vanished, starting it again', { server: server.id, times: recent.length + 1 });
    if (recent.length >= restartsMax) await fail(server, 'The machine ended again and again by itself.');
    else await hypervisor.turn(server.id, 'running');
  };

  /** A machine that QEMU paused because the disk is full would pause again at once: it is tried once a look. */
  const resume = async (server: Server): Promise<boolean> => {
    const last = resumed.get(server.id);
    if (server.taskState === null && last !== undefined && nowMs() - last < keeperPeriodMs / 2) return false;
    resumed.set(server.id, nowMs());
    await hypervisor.turn(server.id, 'running');
    return true;
  };

  const remove = async (server: Server): Promise<void> => {
    const { id, projectId } = server;
    await hypervisor.destroy(id);
    await records.boots.delete(id, bootKey);
    await records.servers.change(projectId, id, (current) =>
      current?.wanted === 'deleted' && current.host === self ? undefined : current,
    );
    await records.index.delete(indexPartition(id), id);
    await cleanUp(id);
    tell(server, 'server.delete', 'done');
  };

  /** A claim whose server names no host yet may belong to a creation on its way; it gets its time. */
  const letGo = async (serverId: string, server: Server | undefined): Promise<void> => {
    const claim = claims.get(serverId);
    const mayCome = server?.host === null && server.vmState === 'building' && server.wanted !== 'deleted';
    if (mayCome && claim && nowMs() - claim.atMs < claimGraceMs) return;
    const isHere = claim !== undefined || (await hypervisor.list()).includes(serverId);
    if (!isHere && !(await records.byHost.get(self, serverId))) return;
    log.info("letting go of a server that is not this host's", {
      server: serverId,
      host: server?.host ?? null,
    });
    await cleanUp(serverId);
  };

  return {
    async take(step, serverId, server, signal) {
      if (step.do === 'nothing') return false;
      if (step.do === 'let go' || !server) {
        await letGo(serverId, server);
        return false;
      }
      switch (step.do) {
        case 'build':
          await build(server, signal);
          break;
        case 'start':
          await hypervisor.turn(serverId, 'running');
          break;
        case 'resume':
          return resume(server);
        case 'restart':
          await restart(server);
          break;
        case 'stop':
          await stop(serverId, step.gently, signal);
          break;
        case 'reboot':
          await reboot(server, step.gently, signal);
          break;
        case 'pause':
          await hypervisor.turn(serverId, 'paused');
          break;
        case 'settle':
          await settle(server, step.vmState);
          break;
        case 'accept off':
          await hypervisor.turn(serverId, 'stopped');
          await settle(server, 'stopped', 'stopped');
          break;
        case 'fail':
          await fail(server, step.message);
          break;
        case 'remove':
          await remove(server);
          return false;
      }
      return true;
    },

    async handleFailure(step, server, thrown) {
      const error = asShoalError(thrown);
      log.warn('step failed', { server: server?.id, step: step.do, error });
      // What is to be removed has no other way out than to succeed at some look.
      if (!server || step.do === 'remove' || step.do === 'let go') return;
      if (step.do === 'build') {
        const failures = (buildFailures.get(server.id) ?? 0) + 1;
        buildFailures.set(server.id, failures);
        const mayPass = error.retryable && error.code !== 'NO_CAPACITY' && failures < buildAttemptsMax;
        if (!mayPass) await giveUp(server, error.message);
      } else if (!error.retryable) await fail(server, error.message);
    },
  };
};
