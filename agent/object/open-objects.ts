/** Object Storage v1: joins records, use cases and routes. */
import { objectRoutes } from '../../proto/rest/object.ts';
import type { Route } from '../../proto/rest/route.ts';
import type { ContentStore } from '../chunk/port.ts';
import { startReconciler } from '../flow/reconciler.ts';
import type { ApiServer } from '../http/port.ts';
import type { SignIn } from '../identity/sign-in.ts';
import type { Journal } from '../journal/port.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Tables } from '../table/port.ts';
import { partClaims, uploadClaims } from './claim.ts';
import { openContainers } from './containers.ts';
import type { Context } from './context.ts';
import { openDelivery } from './events/deliver.ts';
import { openTell } from './events/tell.ts';
import type { Webhook } from './events/webhook.ts';
import { removeExpired } from './expirer.ts';
import { judgePart } from './judge-part.ts';
import { judgeUpload } from './judge-upload.ts';
import { openKeptListings } from './kept-listings.ts';
import { sweepLifecycles } from './lifecycle-sweep.ts';
import { eventsLookMs, expirerPeriodMs, lifecyclePeriodMs } from './limits.ts';
import { openMultiparts } from './multipart.ts';
import { walkObjects } from './object-listing.ts';
import { openObjectRows } from './objects.ts';
import { openRates, type RateLimits } from './rates.ts';
import { openRecords } from './records.ts';
import { openSeals } from './seal.ts';
import { door } from './swift/door.ts';
import { swiftErrors } from './swift/errors.ts';

export interface ObjectParts {
  readonly runtime: Runtime;
  readonly tables: Tables;
  readonly content: ContentStore;
  readonly journal: Journal;
  readonly http: ApiServer;
  /** The domain of a project. */
  readonly domainOf: (project: string) => Promise<string | undefined>;
  readonly signIn: SignIn;
  /** The cluster's, 32 bytes: what encrypts objects stands on it. */
  readonly sealSecret: Uint8Array;
}

/** An operator's. */
export interface ObjectSettings {
  readonly rateLimits?: RateLimits | undefined;
  /** Objects are encrypted whether or not somebody asks for it. Default false. */
  readonly encryptAtRest?: boolean | undefined;
  /** Who may be told of changes of objects. Default nobody. */
  readonly webhooks?: readonly Webhook[] | undefined;
  /** Of the list of chunks that an object's row may hold; beyond it the parts keep their own. */
  readonly listBytesMax?: number | undefined;
  /** As events name it. */
  readonly region?: string;
}

export interface Objects extends Context {
  /** The expirer, the sweeper of lifecycle rules and the delivery of events end what they are at. */
  stop(): Promise<void>;
}

export const openObjects = (
  { runtime, tables, content, journal, http, sealSecret, domainOf, signIn }: ObjectParts,
  {
    rateLimits,
    encryptAtRest = false,
    webhooks = [],
    listBytesMax,
    region = 'us-east-1',
  }: ObjectSettings = {},
): Objects => {
  const records = openRecords(tables);
  content.judgeBy(uploadClaims, judgeUpload(records));
  content.judgeBy(partClaims, judgePart(records));
  const { clock } = runtime;
  const containers = openContainers({ records, clock }, async (row) => {
    const { done } = await walkObjects({ records, clock }, row, {}).next();
    if (done !== true || row.versions === undefined) return done !== true;
    return (await records.versions.range(row.id, { limit: 1 })).entries.length > 0;
  });
  const seals = openSeals(sealSecret, runtime.chance, encryptAtRest);
  const delivery = openDelivery({ runtime, records, journal }, { webhooks, region });
  const tell = openTell({ runtime, records, journal }, delivery.wake);
  const objects = openObjectRows({ runtime, records, content, containers, seals, tell });
  const multiparts = openMultiparts({ runtime, records, content, containers, objects, listBytesMax });
  const context: Context = {
    runtime,
    records,
    containers,
    objects,
    keptListings: openKeptListings({ records, clock }),
    multiparts,
    journal,
    seals,
    rates: openRates(runtime, rateLimits),
    delivery,
    codes: content.codes,
    domainOf,
    signIn,
  };
  http.shapeErrors('object', swiftErrors);
  for (const route of Object.values(objectRoutes))
    http.serve<Route>(route, (request) => door(context, route.name, request));
  const expirer = startReconciler(
    {
      runtime,
      async reconcile(signal) {
        const removed = await removeExpired(context, signal);
        if (removed > 0) runtime.log.info('expired objects removed', { removed });
      },
    },
    { name: 'object-expirer', periodMs: expirerPeriodMs },
  );
  const sweeper = startReconciler(
    {
      runtime,
      async reconcile(signal) {
        const changed = await sweepLifecycles(context, signal);
        if (changed > 0) runtime.log.info('removed or moved by lifecycle rules', { changed });
      },
    },
    { name: 'object-lifecycle', periodMs: lifecyclePeriodMs },
  );
  const teller = startReconciler(
    { runtime, reconcile: delivery.look },
    { name: 'object-events', periodMs: eventsLookMs },
  );
  return {
    ...context,
    async stop() {
      await Promise.all([expirer.stop(), sweeper.stop(), teller.stop(), delivery.stop()]);
    },
  };
};
