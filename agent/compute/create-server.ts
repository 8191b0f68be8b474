/** From a checked request to sagas that make its servers. All that is random is drawn here, before they start. */
import { hasCode, ShoalError } from '../../proto/error.ts';
import { newUuid } from '../../proto/ids.ts';
import type { CreateServer } from '../../proto/rest/compute/server.ts';
import { deadline } from '../base/deadline.ts';
import { textOf } from '../base/text.ts';
import type { Sagas } from '../flow/port.ts';
import type { Principal } from '../http/port.ts';
import type { Members } from '../membership/port.ts';
import type { Chance, Runtime } from '../runtime/ports.ts';
import { type CreateState, createSagaName } from './create-saga.ts';
import type { Flavors } from './flavors.ts';
import type { BootImages } from './image-files.ts';
import type { KeyPairs } from './key-pairs.ts';
import { recordTimeoutMs, serversPerProjectMax } from './limits.ts';
import type { Flavor, Server, ServerBoot } from './records.ts';
import {
  checkImageFits,
  checkSecurityGroups,
  checkUserData,
  countsOf,
  hostNameOf,
  imageRefOf,
  wantsNetwork,
} from './server-request.ts';
import { projectOf, type Servers } from './servers.ts';

export interface Created {
  readonly servers: readonly Server[];
  readonly adminPassword: string;
}

/** Who waits for the record of which server. */
export interface Recordings {
  wait(serverId: string, signal: AbortSignal): Promise<void>;
  settle(serverId: string, failure: Error | undefined): void;
}

export const openRecordings = (): Recordings => {
  const waiting = new Map<string, PromiseWithResolvers<void>>();
  return {
    async wait(serverId, signal) {
      const promise = Promise.withResolvers<void>();
      waiting.set(serverId, promise);
      const abort = (): void => promise.reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      try {
        await promise.promise;
      } finally {
        waiting.delete(serverId);
        signal.removeEventListener('abort', abort);
      }
    },
    settle(serverId, failure) {
      if (failure) waiting.get(serverId)?.reject(failure);
      else waiting.get(serverId)?.resolve();
    },
  };
};

const passwordChars = 'ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789';
const drawPassword = (chance: Chance): string =>
  [...chance.bytes(12)].map((byte) => passwordChars[byte % passwordChars.length]).join('');

/** Locally administered, under the prefix that OpenStack uses. */
const drawMac = (chance: Chance): string =>
  ['fa', '16', '3e', ...[...chance.bytes(3)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');

export const openCreateServer = (parts: {
  readonly runtime: Runtime;
  readonly members: Members;
  readonly sagas: Sagas;
  readonly servers: Servers;
  readonly flavors: Flavors;
  readonly keyPairs: KeyPairs;
  readonly images: Pick<BootImages, 'get'>;
  readonly recordings: Recordings;
}) => {
  const { runtime, members, sagas } = parts;
  const bad = (message: string): ShoalError => new ShoalError('BAD_REQUEST', message);

  /** What a body refers to and is not there is the body's fault: 400, not 404. */
  const refer = async <T>(finding: Promise<T>, message: string): Promise<T> => {
    try {
      return await finding;
    } catch (thrown) {
      throw hasCode(thrown, 'NOT_FOUND') ? bad(message) : thrown;
    }
  };

  const checkZone = (zone: string | null | undefined): string | null => {
    if (!zone) return null;
    if (members.list().some(({ card }) => card?.zone === zone)) return zone;
    throw bad('The requested availability zone is not available');
  };

  const checkQuota = async (projectId: string, wanted: number): Promise<void> => {
    const has = (await parts.servers.listProject(projectId)).length;
    if (has + wanted > serversPerProjectMax)
      throw new ShoalError(
        'FORBIDDEN',
        `Quota exceeded for instances: Requested ${wanted}, but already used ${has} of ${serversPerProjectMax} instances`,
      );
  };

  /** Throws BAD_REQUEST, FORBIDDEN at a bound, and what keeps the record from being written. */
  return async (
    principal: Principal,
    { server: asked }: CreateServer,
    signal: AbortSignal,
  ): Promise<Created> => {
    const projectId = projectOf(principal);
    const { max } = countsOf(asked);
    const imageId = imageRefOf(asked);
    const isNetworked = wantsNetwork(asked);
    checkSecurityGroups(asked, projectId);
    checkUserData(asked);
    const zone = checkZone(asked.availability_zone);
    const flavorId = textOf(asked.flavorRef).replace(/^.*\//, '');
    const flavor: Flavor = await refer(
      parts.flavors.show(flavorId),
      `Flavor ${flavorId} could not be found.`,
    );
    const image = await refer(parts.images.get(principal, imageId), 'Can not find requested image');
    checkImageFits(image, flavor);
    const key = asked.key_name
      ? await refer(parts.keyPairs.show(principal.user.id, asked.key_name), 'Invalid key_name provided.')
      : null;
    await checkQuota(projectId, max);

    const nowMs = runtime.clock.wallMs();
    const boot: ServerBoot = {
      userData: asked.user_data || null,
      adminPassword: asked.adminPass ?? drawPassword(runtime.chance),
    };
    const servers = Array.from({ length: max }, (_, place): Server => {
      const id = newUuid();
      const name = max > 1 ? `${asked.name}-${place + 1}` : asked.name;
      return {
        id,
        projectId,
        userId: principal.user.id,
        name,
        hostName: hostNameOf(name, id),
        launchIndex: place,
        createdAtMs: nowMs,
        updatedAtMs: nowMs,
        launchedAtMs: null,
        image: { id: image.id, name: image.name },
        flavor,
        key: key && { name: key.name, publicKey: key.publicKey },
        metadata: asked.metadata ?? {},
        diskConfig: asked['OS-DCF:diskConfig'] ?? 'MANUAL',
        accessIPv4: asked.accessIPv4 ?? '',
        accessIPv6: asked.accessIPv6 ?? '',
        macAddress: isNetworked ? drawMac(runtime.chance) : null,
        availabilityZone: zone,
        host: null,
        epoch: 0,
        wanted: 'running',
        vmState: 'building',
        taskState: 'scheduling',
        fault: null,
      };
    });
    using limit = deadline('record the server', recordTimeoutMs, signal);
    await Promise.all(
      servers.map(async (server) => {
        const recorded = parts.recordings.wait(server.id, limit.signal);
        const state: CreateState = {
          server,
          boot,
          isRecorded: false,
          candidates: [],
          reasons: '',
          host: null,
        };
        // Both may fail, and only one is waited for at a time.
        recorded.catch(() => undefined);
        await sagas.start(createSagaName, server.id, state);
        await recorded;
      }),
    );
    return { servers, adminPassword: boot.adminPassword };
  };
};
