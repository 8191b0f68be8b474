/**
 * The cluster's side of a join. All that may refuse is asked before the invite is consumed, and the consuming
 * register is told the newcomer's host id: a newcomer that was killed after it comes again with the same key and
 * is welcomed again, anybody else finds the invite used.
 */
import { asShoalError, ShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import {
  type ClusterFacts,
  type HostAddresses,
  JoinProof,
  JoinRequest,
  type JoinWelcome,
} from '../../proto/message/peer.ts';
import { toBase64Url } from '../base/bytes.ts';
import { deadline } from '../base/deadline.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { AddressBook } from './address-book.ts';
import { checker } from './check.ts';
import { inviteIsSigned, inviteSecret, joinProof, proofIsRight } from './invite.ts';
import type { JoinChannel } from './join-channel.ts';
import { joinTimeoutMs } from './limits.ts';
import type { OwnRoster } from './roster.ts';

export interface JoinHooks {
  /**
   * Marks the invite as used by this host, exactly once, whichever hosts are asked: a linearizable change.
   * Resolves when it was unused or was used by the same host before. Throws INVITE_REFUSED when another host
   * used it or nobody issued it; any other error lets the newcomer try again.
   * `expiresAtMs`: until when the host is let in; null: until it is removed.
   */
  consume(inviteId: string, hostId: HostId): Promise<{ readonly expiresAtMs: number | null }>;
  /** Plain data that the new host needs besides roster and cluster facts. */
  welcome(hostId: HostId): Promise<unknown>;
}

const checkRequest = checker('join request', JoinRequest);
const checkProof = checker('join proof', JoinProof);

export interface JoinHost {
  readonly runtime: Runtime;
  readonly self: HostId;
  readonly cluster: ClusterFacts;
  readonly roster: OwnRoster;
  /** Puts a newcomer on the roster; a no-op when it is on it. Throws CONFLICT when its name is in use, QUORUM_MISSED. */
  readonly admit: (hostId: HostId, name: string, expiresAtMs: number | null) => Promise<void>;
  readonly book: AddressBook;
  readonly addresses: () => HostAddresses;
  /** Absent while the agent still starts. */
  readonly hooks: () => JoinHooks | undefined;
}

const refuse = (message: string): never => {
  throw new ShoalError('INVITE_REFUSED', `Cannot join with this invite: ${message}`);
};

/** Never throws: what goes wrong is told to the newcomer and to the log. */
export const serveJoin = async (
  host: JoinHost,
  channel: JoinChannel,
  newcomer: { readonly hostId: HostId; readonly address: string },
): Promise<void> => {
  const { cluster, roster, self } = host;
  const { chance, clock, log } = host.runtime;
  using limit = deadline('finish the join', joinTimeoutMs);
  let name = '';

  const converse = async (): Promise<JoinWelcome> => {
    const hooks = host.hooks();
    if (!hooks || !roster.has(self))
      throw new ShoalError('BUSY', 'Cannot take new hosts now: this agent is starting or leaving');
    const request = checkRequest(await channel.receive(limit.signal));
    const { body } = request;
    name = request.name;
    if (body.clusterId !== cluster.clusterId)
      refuse(`it is for cluster ${body.clusterName} (${body.clusterId})`);
    if (!roster.has(body.issuer as HostId)) refuse(`its issuer ${body.issuer} is not on the roster`);
    if (!inviteIsSigned(body, request.signature)) refuse('its signature is wrong');
    if (body.expiresAtMs <= clock.wallMs())
      refuse(`it expired at ${new Date(body.expiresAtMs).toISOString()}`);
    const namesake = roster
      .list()
      .find((member) => member.name === name && member.hostId !== newcomer.hostId);
    if (namesake)
      throw new ShoalError(
        'CONFLICT',
        `Cannot join as ${JSON.stringify(name)}: host ${namesake.hostId} has that name`,
      );

    const secret = inviteSecret(cluster, body);
    const hostNonce = toBase64Url(chance.bytes(32));
    const parties = { newcomer: newcomer.hostId, host: self, newcomerNonce: request.nonce, hostNonce };
    channel.send({ nonce: hostNonce, proof: toBase64Url(joinProof(secret, 'cluster', parties)) });
    const { proof } = checkProof(await channel.receive(limit.signal));
    if (!proofIsRight(joinProof(secret, 'newcomer', parties), proof)) refuse('its secret is wrong');

    const { expiresAtMs } = await hooks.consume(body.inviteId, newcomer.hostId);
    await host.admit(newcomer.hostId, name, expiresAtMs);
    const addresses: Record<string, HostAddresses> = { [self]: host.addresses() };
    for (const [hostId, known] of host.book.entries()) if (roster.has(hostId)) addresses[hostId] ??= known;
    return {
      cluster,
      roster: roster.tale(),
      addresses,
      welcome: await hooks.welcome(newcomer.hostId),
    };
  };

  try {
    channel.send(await converse());
    log.info('host joined', { host: newcomer.hostId, name, address: newcomer.address });
  } catch (thrown) {
    const error = asShoalError(thrown);
    log.warn('join refused', { host: newcomer.hostId, name, address: newcomer.address, error: thrown });
    channel.send({ refused: { code: error.code, message: error.message.slice(0, 1024) } });
  } finally {
    channel.close();
  }
};
