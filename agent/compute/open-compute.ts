/** Compute v2.1: joins records, use cases, this host's keeper and the routes. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { computeRoutes } from '../../proto/rest/compute.ts';
import type { Route } from '../../proto/rest/route.ts';
import type { ContentStore } from '../chunk/port.ts';
import type { Sagas } from '../flow/port.ts';
import type { ApiServer, ErrorShape, Handler } from '../http/port.ts';
import { novaShape } from '../http/shape.ts';
import type { Journal } from '../journal/port.ts';
import type { Members } from '../membership/port.ts';
import type { Rpc } from '../peer/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { KeyValue } from '../store/key-value.ts';
import type { Tables } from '../table/port.ts';
import { openClaims, type Room } from './claims.ts';
import type { Context, Serve } from './context.ts';
import { createSaga } from './create-saga.ts';
import { openCreateServer, openRecordings } from './create-server.ts';
import { openFlavors } from './flavors.ts';
import { handlers } from './handlers.ts';
import { type HostCompute, openHostCalls, serveHostCalls } from './host-calls.ts';
import { type ComputeVitals, measureRoom, type RoomSettings, vitalsOf } from './host-room.ts';
import type { Hypervisor } from './hypervisor/port.ts';
import { openQemu } from './hypervisor/qemu.ts';
import { type AccelSetting, probeQemu } from './hypervisor/qemu-probe.ts';
import { type BootImages, openImageFiles } from './image-files.ts';
import { type Keeper, startKeeper } from './keeper.ts';
import { openKeyPairs } from './key-pairs.ts';
import { microversionHeaders, oldest, readMicroversion } from './microversion.ts';
import { openPromises } from './place/promises.ts';
import { openRecords } from './records.ts';
import { openServers } from './servers.ts';
import type { KeyAlgorithm } from './ssh-key.ts';

export interface ComputeParts {
  readonly runtime: Runtime;
  readonly tables: Tables;
  readonly rpc: Rpc;
  readonly members: Members;
  readonly images: BootImages;
  readonly content: Pick<ContentStore, 'read'>;
  readonly sagas: Sagas;
  /** This host's own, for its claims. */
  readonly keyValue: KeyValue;
  readonly journal: Journal;
  readonly http: ApiServer;
}

export interface ComputeSettings extends RoomSettings {
  /** Machines and image files are kept in it. */
  readonly directory: string;
  /** Default auto: KVM where it works, else TCG. */
  readonly accel?: AccelSetting;
  /** Of key pairs that are made here. Default ed25519. */
  readonly keyAlgorithm?: KeyAlgorithm;
  /** Another hypervisor than QEMU: tests bring their own. */
  readonly hypervisor?: Hypervisor | { readonly refusal: string };
  /** Fixed instead of measured. */
  readonly capacity?: Room;
}

export interface Compute {
  /** The default flavors, once in a cloud's life. Idempotent; throws QUORUM_MISSED. */
  bootstrap(): Promise<void>;
  /** The keeper begins: when tables and images can be read. */
  start(): void;
  vitals(): ComputeVitals;
  /** Machines run on. */
  stop(): Promise<void>;
}

const shape: ErrorShape = (error, request) => {
  const answer = novaShape(error, request);
  return { ...answer, headers: { ...microversionHeaders(oldest), ...answer.headers } };
};

/** Nova serves every call under /v2 too, for clients of its first years. */
const underV2 = (route: Route): Route => ({
  ...route,
  name: `${route.name}V2`,
  path: route.path.replace(/^\/v2\.1/, '/v2'),
});

const serveRoutes = (http: ApiServer, context: Context): void => {
  http.shapeErrors('compute', shape);
  const serve = (route: Route, handler: Serve): void => {
    const served: Handler<Route> = async (request) => {
      const version = readMicroversion(request.headers);
      const answer = await handler(context, request, version);
      return {
        ...answer,
        headers: {
          ...microversionHeaders(version.text),
          'X-Compute-Request-Id': request.requestId,
          ...answer.headers,
        },
      };
    };
    http.serve(route, served);
  };
  for (const name of Object.keys(computeRoutes) as (keyof typeof computeRoutes)[]) {
    const handler = handlers[name] as Serve;
    const route: Route = computeRoutes[name];
    serve(route, handler);
    if (route.path.startsWith('/v2.1')) serve(underV2(route), handler);
  }
};

export const openCompute = async (parts: ComputeParts, settings: ComputeSettings): Promise<Compute> => {
  const { runtime, rpc, members, journal } = parts;
  const { directory } = settings;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const records = openRecords(parts.tables);
  const claims = openClaims(parts.keyValue);
  const capacity = (): Room => settings.capacity ?? measureRoom(directory, settings);

  const openHypervisor = async (): Promise<Hypervisor | { readonly refusal: string }> => {
    const programs = await probeQemu(settings.accel ?? 'auto');
    if ('refusal' in programs) return programs;
    return openQemu({ runtime, programs }, { directory: join(directory, 'machines') });
  };
  const hypervisor = settings.hypervisor ?? (await openHypervisor());
  if ('refusal' in hypervisor) runtime.log.warn('this host runs no machines', { why: hypervisor.refusal });

  let keeper: Keeper | undefined;
  const host: HostCompute =
    'refusal' in hypervisor
      ? hypervisor
      : { hypervisor, keeper: { poke: (serverId) => keeper?.poke(serverId) } };
  serveHostCalls({ rpc, clock: runtime.clock, claims, host, capacity });

  const hosts = openHostCalls(rpc);
  const promises = openPromises({ clock: runtime.clock, members });
  const recordings = openRecordings();
  const { sagas } = parts;
  sagas.define(createSaga({ runtime, records, members, hosts, promises, recorded: recordings.settle }));

  const serverUses = openServers({ runtime, records, members, hosts });
  const flavorUses = openFlavors(records);
  const keyPairs = openKeyPairs({ records, runtime }, { algorithm: settings.keyAlgorithm ?? 'ed25519' });
  const uses = { servers: serverUses, flavors: flavorUses, keyPairs };
  const create = openCreateServer({ runtime, members, sagas, images: parts.images, recordings, ...uses });
  serveRoutes(parts.http, { members, journal, create, ...uses });

  return {
    bootstrap: () => flavorUses.bootstrap(),
    start() {
      if ('refusal' in hypervisor || keeper) return;
      const imageFiles = openImageFiles(
        { runtime, images: parts.images, content: parts.content },
        { directory: join(directory, 'images') },
      );
      keeper = startKeeper(
        { runtime, records, claims, hypervisor, imageFiles, journal, capacity },
        { self: rpc.self },
      );
    },
    vitals: () => vitalsOf(claims, capacity(), hypervisor),
    async stop() {
      await keeper?.stop();
      if (!('refusal' in hypervisor)) await hypervisor.close();
    },
  };
};
