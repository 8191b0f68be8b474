/** What hosts ask of each other for compute, both ends: small requests over rpc. */
import { ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Rpc } from '../peer/port.ts';
import type { Clock } from '../runtime/ports.ts';
import type { Claims, Room } from './claims.ts';
import type { Hypervisor } from './hypervisor/port.ts';
import type { Keeper } from './keeper.ts';
import { claimTimeoutMs, consoleAnswerBytesMax, consoleTimeoutMs } from './limits.ts';

export interface ClaimRequest extends Room {
  readonly serverId: string;
  readonly projectId: string;
}

export interface HostCalls {
  /** The room is that server's and on the host's disk when it resolves. Throws NO_CAPACITY, UNREACHABLE, TIMEOUT. */
  claim(host: string, request: ClaimRequest): Promise<void>;
  /** Idempotent. The host looks at the server's record and lets go of what is not its own any more. */
  release(host: string, serverId: string): Promise<void>;
  /** Best effort: the host looks at the server now and not at its next turn. */
  poke(host: string, serverId: string): void;
  console(host: string, serverId: string): Promise<Uint8Array>;
}

/** What a host that runs machines has; one that cannot says why. */
export type HostCompute =
  | { readonly hypervisor: Hypervisor; readonly keeper: Pick<Keeper, 'poke'> }
  | { readonly refusal: string };

const serverIdIn = (body: unknown): string => {
  const { serverId } = (body ?? {}) as { serverId?: unknown };
  if (typeof serverId === 'string') return serverId;
  throw new ShoalError('BAD_REQUEST', 'Cannot read the request: it has no server id');
};

const claimIn = (body: unknown): ClaimRequest => {
  const request = body as ClaimRequest;
  const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && Number(value) >= 0;
  if (
    typeof request.projectId === 'string' &&
    [request.vcpus, request.memoryMiB, request.diskGiB].every(isCount)
  )
    return { ...request, serverId: serverIdIn(body) };
  throw new ShoalError('BAD_REQUEST', 'Cannot read the claim: it has no project or a quantity that is none');
};

export const serveHostCalls = (parts: {
  readonly rpc: Rpc;
  readonly clock: Clock;
  readonly claims: Claims;
  readonly host: HostCompute;
  readonly capacity: () => Room;
}): void => {
  const { rpc, claims, host } = parts;
  rpc.handle('compute.claim', async (_from, body) => {
    const { serverId, projectId, vcpus, memoryMiB, diskGiB } = claimIn(body);
    if ('refusal' in host) throw new ShoalError('NO_CAPACITY', `Cannot run machines here: ${host.refusal}`);
    const claim = { serverId, projectId, vcpus, memoryMiB, diskGiB, atMs: parts.clock.wallMs() };
    await claims.take(claim, parts.capacity());
    return null;
  });
  rpc.handle('compute.release', async (_from, body) => {
    if ('refusal' in host) await claims.release(serverIdIn(body));
    // With a machine about, the claim is the keeper's to release, after it has looked at the record.
    else if (await host.hypervisor.power(serverIdIn(body))) host.keeper.poke(serverIdIn(body));
    else await claims.release(serverIdIn(body));
    return null;
  });
  rpc.handle('compute.poke', (_from, body) => {
    if (!('refusal' in host)) host.keeper.poke(serverIdIn(body));
    return null;
  });
  rpc.handle('compute.console', async (_from, body) => {
    if ('refusal' in host) throw new ShoalError('CONFLICT', `Cannot read a console here: ${host.refusal}`);
    return host.hypervisor.readConsole(serverIdIn(body), consoleAnswerBytesMax);
  });
};

export const openHostCalls = (rpc: Rpc): HostCalls => ({
  async claim(host, request) {
    await rpc.request(host as HostId, 'compute.claim', request, { timeoutMs: claimTimeoutMs });
  },
  async release(host, serverId) {
    await rpc.request(host as HostId, 'compute.release', { serverId }, { timeoutMs: claimTimeoutMs });
  },
  poke: (host, serverId) => rpc.notify(host as HostId, 'compute.poke', { serverId }),
  async console(host, serverId) {
    const answer = await rpc.request(
      host as HostId,
      'compute.console',
      { serverId },
      { timeoutMs: consoleTimeoutMs },
    );
    if (answer instanceof Uint8Array && answer.length <= consoleAnswerBytesMax) return answer;
    throw new ShoalError('INTERNAL', `Cannot read the console of ${serverId}: host ${host} answers no bytes`);
  },
});
