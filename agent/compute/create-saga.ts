/**
 * Creating a server, as a saga of the agent that took the request:
 *
 *   record ──> choose ──> claim ──> assign ──> (the host's keeper builds it)
 *
 * record   the server's rows: from here on clients see it, in state BUILD
 * choose   the hosts to ask, best first, stored, so that a saga that resumes asks the same ones
 * claim    the first host that has the room; its word is on its own disk
 * assign   the host into the record, and a poke; without a host: state ERROR, fault "No valid host was found."
 *
 * Killed at any point the agent resumes it when it comes back; every action may run twice. When it never comes back:
 * a claim without a record that names its host is let go by that host's keeper after `claimGraceMs`; a record
 * without a host stays in BUILD until its user deletes it, which needs no host. Nothing leaks room or runs unseen.
 *
 * An undo leaves the server that clients know of in ERROR (rejected: removing it; a server that vanishes explains
 * nothing), unless it was never recorded.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import type { SagaKind } from '../flow/port.ts';
import type { Members } from '../membership/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { HostCalls } from './host-calls.ts';
import { roomOf } from './keeper-steps.ts';
import { candidatesMax } from './limits.ts';
import { rankHosts } from './place/place.ts';
import type { Promises } from './place/promises.ts';
import { bootKey, indexPartition, type Records, type Server, type ServerBoot } from './records.ts';
import { failed } from './server-state.ts';

export interface CreateState {
  readonly server: Server;
  readonly boot: ServerBoot;
  readonly isRecorded: boolean;
  readonly candidates: readonly string[];
  /** Why other hosts are none. */
  readonly reasons: string;
  readonly host: string | null;
}

export const createSagaName = 'server.create';

/** Nova's words come first: clients and their users look for them. */
const noHostMessage = (reasons: string): string =>
  `No valid host was found. ${reasons === '' ? 'There are not enough hosts available.' : `${reasons}.`}`;

export const createSaga = (parts: {
  readonly runtime: Runtime;
  readonly records: Records;
  readonly members: Members;
  readonly hosts: HostCalls;
  readonly promises: Promises;
  /** Told when clients may see the server, or never will. */
  recorded(serverId: string, failure: Error | undefined): void;
}): SagaKind<CreateState> => {
  const { runtime, records, members, hosts, promises } = parts;
  const nowMs = (): number => runtime.clock.wallMs();

  const release = async (host: string, serverId: string): Promise<void> => {
    try {
      await hosts.release(host, serverId);
    } catch (thrown) {
      // A host that is away lets go by itself when it is back.
      if (!hasCode(thrown, 'UNREACHABLE', 'TIMEOUT', 'NOT_ON_ROSTER')) throw thrown;
    }
  };

  /** The record with a fault, unless it is gone, being deleted or already with a host. */
  const markFailed = (server: Server, why: string): Promise<unknown> =>
    records.servers.change(server.projectId, server.id, (current) =>
      current?.vmState === 'building' && current.host === null ? failed(current, why, nowMs()) : current,
    );

  return {
    name: createSagaName,
    steps: [
      {
        name: 'record',
        async act(state) {
          const { server, boot } = state;
          await records.boots.put(server.id, bootKey, boot);
          await records.index.put(indexPartition(server.id), server.id, { projectId: server.projectId });
          await records.servers.change(server.projectId, server.id, (current) => current ?? server);
          return { ...state, isRecorded: true };
        },
        async undo({ server, isRecorded }) {
          if (isRecorded) return;
          await records.servers.change(server.projectId, server.id, () => undefined);
          await records.index.delete(indexPartition(server.id), server.id);
          await records.boots.delete(server.id, bootKey);
        },
      },
      {
        name: 'choose',
        async act(state) {
          // Not before: a client that knows of it may delete it, and `record` running twice would bring it back.
          parts.recorded(state.server.id, undefined);
          const placement = { ...roomOf(state.server), zone: state.server.availabilityZone };
          const known = members.list();
          const ranking = rankHosts(known, placement, promises.current(), runtime.chance.random);
          const candidates = ranking.candidates.slice(0, candidatesMax).map(({ hostId }) => hostId);
          const [first] = candidates;
          if (first !== undefined) promises.add(first, roomOf(state.server));
          return { ...state, candidates, reasons: ranking.reasons };
        },
      },
      {
        name: 'claim',
        async act(state) {
          const { id, projectId } = state.server;
          let { reasons } = state;
          for (const host of state.candidates) {
            try {
              await hosts.claim(host, { serverId: id, projectId, ...roomOf(state.server) });
              return { ...state, host };
            } catch (thrown) {
              if (!(thrown instanceof ShoalError)) throw thrown;
              runtime.log.info('host refused a server', { server: id, host, why: thrown.message });
              reasons = [reasons, thrown.message].filter(Boolean).join('; ');
            }
          }
          return { ...state, reasons };
        },
        async undo({ server, candidates }) {
          for (const host of candidates) await release(host, server.id);
        },
      },
      {
        name: 'assign',
        async act(state) {
          const { server, host } = state;
          if (host === null) {
            await markFailed(server, noHostMessage(state.reasons));
            return state;
          }
          const now = await records.servers.change(server.projectId, server.id, (current) =>
            current?.vmState === 'building' && current.host === null && current.wanted !== 'deleted'
              ? { ...current, host, epoch: current.epoch + 1, taskState: 'spawning', updatedAtMs: nowMs() }
              : current,
          );
          if (now?.host === host) hosts.poke(host, server.id);
          // Deleted meanwhile: the room goes back.
          else await release(host, server.id);
          return state;
        },
        async undo({ server, host }) {
          const { projectId, id } = server;
          await records.servers.change(projectId, id, (current) =>
            current?.vmState === 'building' && (current.host === null || current.host === host)
              ? { ...failed(current, 'The server could not be handed to a host.', nowMs()), host: null }
              : current,
          );
          if (host !== null) hosts.poke(host, id);
        },
      },
    ],
    finished({ server }, failure) {
      if (failure) parts.recorded(server.id, failure);
    },
  };
};
