/**
 * OAuth 1.0a. Three legs: a consumer asks for a request token, a user authorizes it for a project with some of the
 * own roles, and the consumer exchanges it for an access token. That one is kept as an application credential of the
 * user (its secret as it is, signatures need it), so all that bounds and ends those holds for it too.
 */
import { hasCode, ShoalError } from '../../proto/error.ts';
import { newHexId } from '../../proto/ids.ts';
import { hourMs, secondMs } from '../../proto/units.ts';
import { toHex } from '../base/bytes.ts';
import { mapLimit } from '../base/map-limit.ts';
import type { Runtime } from '../runtime/ports.ts';
import type { Tables } from '../table/port.ts';
import { type Collection, openCollection } from './collection.ts';
import type { Directory } from './directory.ts';
import { expecting, notFound, unauthorized } from './error.ts';
import type { Known } from './identify.ts';
import { oauthRequestsMax, pageRowsMax, readsMax, signatureAgeMs } from './limits.ts';
import { type OauthFields, type OauthRequest, parseOauth, verifyOauth } from './oauth-signature.ts';
import type { ApplicationCredentialRow } from './records.ts';

/** Keystone's `request_token_duration` and `access_token_duration`. */
const requestMs = 8 * hourMs;
const accessMs = 24 * hourMs;
const secretBytes = 16;

export interface ConsumerRow {
  readonly id: string;
  readonly secret: string;
  readonly description: string | null;
}

interface RequestRow {
  readonly id: string;
  readonly secret: string;
  readonly consumerId: string;
  readonly projectId: string;
  readonly expiresAtMs: number;
  /** Once a user has said yes. */
  readonly grant?: {
    readonly userId: string;
    readonly roleIds: readonly string[];
    readonly verifier: string;
  };
}

export interface Oauth {
  readonly consumers: Collection<ConsumerRow>;
  /** And the access tokens that it was given. Throws NOT_FOUND. */
  deleteConsumer(id: string): Promise<void>;
  /** Throws NOT_AUTHENTICATED, BAD_REQUEST, NOT_FOUND, BUSY. */
  request(signed: OauthRequest, projectId: string | undefined): Promise<RequestRow>;
  /** The user's yes. The verifier goes to the consumer by hand of the user. Throws NOT_FOUND, NOT_AUTHENTICATED. */
  authorize(id: string, userId: string, roleIds: readonly string[]): Promise<string>;
  /** Throws NOT_AUTHENTICATED, BAD_REQUEST. */
  access(signed: OauthRequest): Promise<ApplicationCredentialRow>;
  /** The project that a request token is for. Throws NOT_FOUND. */
  projectOf(id: string): Promise<string>;
  /** A login with an access token. Throws NOT_AUTHENTICATED. */
  identify(signed: OauthRequest): Promise<Known>;
}

/** Two may tidy up the same thing. */
const unlessGone = async (work: Promise<unknown>): Promise<void> => {
  try {
    await work;
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND')) throw error;
  }
};

export const openOauth = ({
  runtime,
  directory,
  tables,
}: {
  readonly runtime: Runtime;
  readonly directory: Directory;
  readonly tables: Tables;
}): Oauth => {
  const consumers = openCollection<ConsumerRow>({ tables }, 'consumer');
  const requests = openCollection<RequestRow>({ tables }, 'request token');
  const given = tables.rows<{ readonly given: true }>({ name: 'identity.oauth-given' });
  const nowMs = (): number => runtime.clock.wallMs();
  const newSecret = (): string => toHex(runtime.chance.bytes(secretBytes));

  /** Throws BAD_REQUEST when a field is missing, NOT_AUTHENTICATED when the request is old. */
  const fieldsOf = ({ authorization }: OauthRequest, ...needed: string[]): OauthFields => {
    const fields = parseOauth(authorization) ?? {};
    for (const name of needed) if (!fields[name]) throw expecting(name, 'request');
    const atMs = Number(fields.oauth_timestamp) * secondMs;
    if (!(Math.abs(nowMs() - atMs) <= signatureAgeMs)) throw unauthorized('Invalid signature');
    return fields;
  };
  const consumerIn = async (fields: OauthFields): Promise<ConsumerRow> => {
    const row = await consumers.get(fields.oauth_consumer_key ?? '');
    if (!row) throw unauthorized('Provided consumer does not exist.');
    return row;
  };
  const living = async (id: string): Promise<RequestRow> => {
    const row = await requests.get(id);
    if (!row || row.expiresAtMs <= nowMs()) throw notFound('request token', id);
    return row;
  };

  /** Those that nobody used go when the next one is made. Throws BUSY. */
  const makeRoom = async (): Promise<void> => {
    const all = await requests.list();
    const dead = all.filter(({ expiresAtMs }) => expiresAtMs <= nowMs());
    await mapLimit(dead, readsMax, ({ id }) => unlessGone(requests.delete(id)));
    if (all.length - dead.length >= oauthRequestsMax)
      throw new ShoalError('BUSY', `Cannot make a request token: ${oauthRequestsMax} wait for their users`);
  };

  /** An access token, by user and id as its copies are kept. */
  const drop = async (key: string): Promise<void> => {
    const [userId = '', id = ''] = key.split('/');
    await directory.changing('application', key, () => unlessGone(directory.applications.delete(userId, id)));
  };
  const dropEnded = async (userId: string): Promise<void> => {
    const rows = await directory.applications.list(userId);
    for (const { id, consumerId, expiresAtMs } of rows)
      if (consumerId !== undefined && (expiresAtMs ?? 0) <= nowMs()) {
        await drop(`${userId}/${id}`);
        await given.delete(consumerId, `${userId}/${id}`);
      }
  };

  return {
    consumers,
    async deleteConsumer(id) {
      await consumers.delete(id);
      for (let more = true; more; ) {
        const page = await given.range(id, { limit: pageRowsMax });
        await mapLimit(page.entries, readsMax, async ({ sortKey }) => {
          await drop(sortKey);
          await given.delete(id, sortKey);
        });
        more = page.more;
      }
    },
    async request(signed, projectId) {
      const consumer = await consumerIn(fieldsOf(signed, 'oauth_consumer_key'));
      if (!projectId) throw expecting('Requested-Project-Id', 'request');
      if (!verifyOauth(signed, consumer.secret, '')) throw unauthorized('Invalid signature');
      if (!(await directory.project(projectId))) throw notFound('project', projectId);
      await makeRoom();
      const row: RequestRow = {
        id: newHexId(),
        secret: newSecret(),
        consumerId: consumer.id,
        projectId,
        expiresAtMs: nowMs() + requestMs,
      };
      await requests.create(row);
      return row;
    },
    projectOf: async (id) => (await living(id)).projectId,
    async authorize(id, userId, roleIds) {
      await living(id);
      const verifier = newSecret();
      const row = await requests.change(id, (present) =>
        present.grant ? present : { ...present, grant: { userId, roleIds, verifier } },
      );
      // Said once: a second yes would change what the first one was for.
      if (row.grant?.verifier !== verifier) throw unauthorized('Request token is authorized already');
      return verifier;
    },
    async access(signed) {
      const fields = fieldsOf(signed, 'oauth_consumer_key', 'oauth_token', 'oauth_verifier');
      const consumer = await consumerIn(fields);
      const request = await living(fields.oauth_token ?? '');
      const { grant } = request;
      if (request.consumerId !== consumer.id || !grant) throw unauthorized();
      if (!verifyOauth(signed, consumer.secret, request.secret)) throw unauthorized('Invalid signature');
      if (grant.verifier !== fields.oauth_verifier)
        throw unauthorized('Provided verifier does not match stored verifier');
      // Used up first: of two who exchange it at once one is refused.
      await requests.delete(request.id);
      const id = newHexId();
      const row: ApplicationCredentialRow = {
        id,
        name: `oauth1 ${id}`,
        description: null,
        userId: grant.userId,
        projectId: request.projectId,
        roleIds: grant.roleIds,
        secret: newSecret(),
        expiresAtMs: nowMs() + accessMs,
        unrestricted: false,
        consumerId: consumer.id,
      };
      await dropEnded(row.userId);
      await given.put(consumer.id, `${row.userId}/${id}`, { given: true });
      await directory.changing('application', `${row.userId}/${id}`, () =>
        directory.applications.create(row.userId, row),
      );
      return row;
    },
    async identify(signed) {
      const fields = fieldsOf(signed, 'oauth_consumer_key', 'oauth_token');
      const consumer = await consumerIn(fields);
      const id = fields.oauth_token ?? '';
      const userId = await directory.applications.scopeOf(id);
      const row = userId === undefined ? undefined : await directory.applications.get(userId, id);
      const user = row && (await directory.user(row.userId));
      if (!row || !user?.enabled || row.consumerId !== consumer.id) throw unauthorized();
      if ((row.expiresAtMs ?? 0) <= nowMs() || !verifyOauth(signed, consumer.secret, row.secret))
        throw unauthorized();
      return { user, methods: ['oauth1'], application: row };
    },
  };
};
