/** `/v3/credentials` and the keys of S3 and EC2 among them. */
import { newHexId } from '../../../proto/ids.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import { toHex } from '../../base/bytes.ts';
import { mapLimit } from '../../base/map-limit.ts';
import { type ApiRequest, type Principal, principalOf } from '../../http/port.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { accessId, keyPairOf } from '../credentials.ts';
import { everywhere } from '../directory.ts';
import { badRequest, forbidden, notFound } from '../error.ts';
import { readsMax } from '../limits.ts';
import { isCloudAdmin, isSystemReader } from '../policy.ts';
import type { CredentialRow } from '../records.ts';
import { mustBeUnrestricted } from './application-credential.ts';
import { extraOf } from './extra.ts';
import { listed } from './filter.ts';
import { selfOf } from './render.ts';

const own = ['blob', 'type', 'user_id', 'project_id'];
const keyBytes = 16;

const show = (origin: string, row: CredentialRow) => ({
  ...row.extra,
  id: row.id,
  type: row.type,
  blob: row.blob,
  user_id: row.userId,
  project_id: row.projectId,
  ...selfOf(origin, `credentials/${row.id}`),
});

const asText = (blob: unknown): string => (typeof blob === 'string' ? blob : JSON.stringify(blob));

/** A key made by a bounded token is bound to the same application credential, whatever its blob says. Throws BAD_REQUEST. */
const blobOf = (type: string, blob: unknown, { applicationCredential }: Principal): string => {
  const text = asText(blob);
  if (type !== 'ec2') return text;
  if (!keyPairOf({ type, blob: text }))
    throw badRequest('Invalid blob in credential: a JSON object with access and secret is needed.');
  const { app_cred_id: _, ...fields } = JSON.parse(text);
  return applicationCredential ? JSON.stringify({ ...fields, app_cred_id: applicationCredential.id }) : text;
};

/** A program with an application credential sees what was made with it, not its owner's other secrets. */
const isWithin = ({ applicationCredential }: Principal, row: CredentialRow): boolean =>
  !applicationCredential || keyPairOf(row)?.app_cred_id === applicationCredential.id;

export const serveCredential = (context: IdentityContext): void => {
  const { http, directory, runtime } = context;
  const { list, create, show: showOne, update, remove } = identityRoutes.credential;
  const { ec2 } = identityRoutes;

  /** One's own, or anyone's for those above. A stranger learns nothing of others' credentials, not even that they are. */
  const find = async (request: ApiRequest, mayChange: boolean): Promise<CredentialRow> => {
    const { credentialId = '' } = request.params;
    const caller = principalOf(request);
    const isAbove = isCloudAdmin(caller) || (!mayChange && isSystemReader(caller));
    const row = await directory.credentials.get(credentialId);
    if (row && isWithin(caller, row) && (isAbove || row.userId === caller.user.id)) return row;
    if (isAbove) throw notFound('credential', credentialId);
    throw forbidden(mayChange ? 'identity:update_credential' : 'identity:get_credential');
  };

  const ofAll = async (): Promise<readonly CredentialRow[]> => {
    const domains = await directory.domains.list(everywhere);
    const users = await mapLimit(domains, readsMax, ({ id }) => directory.users.list(id));
    return (await mapLimit(users.flat(), readsMax, ({ id }) => directory.credentials.ofUser(id))).flat();
  };

  const store = (request: ApiRequest, row: CredentialRow): Promise<void> =>
    journaled(context, request, 'credential.create', row.id, () =>
      directory.changing('credential', row.id, () => directory.credentials.create(row)),
    );
  const drop = (request: ApiRequest, row: CredentialRow): Promise<void> =>
    journaled(context, request, 'credential.delete', row.id, () =>
      directory.changing('credential', row.id, () => directory.credentials.delete(row)),
    );

  http.serve(list, async (request) => {
    const { origin, query } = request;
    const caller = principalOf(request);
    const asked = query.get('user_id');
    const isAbove = isCloudAdmin(caller) || isSystemReader(caller);
    const userId = isAbove ? asked : caller.user.id;
    const rows = userId === null ? await ofAll() : await directory.credentials.ofUser(userId);
    const wanted = rows.filter(
      (row) =>
        isWithin(caller, row) &&
        [null, row.userId].includes(asked) &&
        [null, row.type].includes(query.get('type')),
    );
    return {
      body: listed(request, { key: 'credentials', path: 'credentials' }, wanted, (row) => show(origin, row)),
    };
  });

  http.serve(create, async (request) => {
    const asked = request.body.credential;
    const caller = principalOf(request);
    mustBeUnrestricted(caller, 'identity:create_credential');
    const userId = asked.user_id ?? caller.user.id;
    if (userId !== caller.user.id && !isCloudAdmin(caller)) throw forbidden('identity:create_credential');
    if (!(await directory.user(userId))) throw notFound('user', userId);
    const { type } = asked;
    const blob = blobOf(type, asked.blob, caller);
    const pair = keyPairOf({ type, blob });
    const projectId = asked.project_id ?? null;
    if (pair && projectId === null) throw badRequest('Expecting to find project_id in credential.');
    if (projectId !== null && !(await directory.project(projectId))) throw notFound('project', projectId);
    const row: CredentialRow = {
      id: pair ? accessId(pair.access) : newHexId(),
      type,
      blob,
      userId,
      projectId,
      extra: extraOf(asked, own),
    };
    await store(request, row);
    return { body: { credential: show(request.origin, row) } };
  });

  http.serve(showOne, async (request) => ({
    body: { credential: show(request.origin, await find(request, false)) },
  }));

  http.serve(update, async (request) => {
    const asked = request.body.credential;
    const caller = principalOf(request);
    mustBeUnrestricted(caller, 'identity:update_credential');
    const present = await find(request, true);
    if (asked.user_id !== undefined && asked.user_id !== present.userId)
      throw badRequest('Update of `user_id` is not allowed.');
    const next = (row: CredentialRow): CredentialRow => {
      const type = asked.type ?? row.type;
      return {
        ...row,
        type,
        blob: asked.blob === undefined ? row.blob : blobOf(type, asked.blob, caller),
        projectId: asked.project_id === undefined ? row.projectId : asked.project_id,
        extra: { ...row.extra, ...extraOf(asked, own) },
      };
    };
    // As in Keystone the id stays, so a pair that got another access key is kept and opens nothing any more.
    const { id } = present;
    const row = await journaled(context, request, 'credential.update', id, () =>
      directory.changing('credential', id, () => directory.credentials.change(id, next)),
    );
    return { body: { credential: show(request.origin, row) } };
  });

  http.serve(remove, async (request) => {
    mustBeUnrestricted(principalOf(request), 'identity:delete_credential');
    await drop(request, await find(request, true));
    return {};
  });

  const showKey = (origin: string, row: CredentialRow) => {
    const { access = '', secret = '' } = keyPairOf(row) ?? {};
    return {
      access,
      secret,
      user_id: row.userId,
      tenant_id: row.projectId,
      trust_id: null,
      ...selfOf(origin, `users/${row.userId}/credentials/OS-EC2/${access}`),
    };
  };
  const findKey = async (request: ApiRequest): Promise<CredentialRow> => {
    const { userId = '', access = '' } = request.params;
    const row = await directory.credentials.get(accessId(access));
    if (row?.type !== 'ec2' || row.userId !== userId || !isWithin(principalOf(request), row))
      throw notFound('credential', access);
    return row;
  };

  http.serve(ec2.list, async (request) => {
    const { origin } = request;
    const { userId = '' } = request.params;
    if (!(await directory.user(userId))) throw notFound('user', userId);
    const rows = (await directory.credentials.ofUser(userId)).filter(
      (row) => row.type === 'ec2' && isWithin(principalOf(request), row),
    );
    return {
      body: listed(request, { key: 'credentials', path: `users/${userId}/credentials/OS-EC2` }, rows, (row) =>
        showKey(origin, row),
      ),
    };
  });

  http.serve(ec2.create, async (request) => {
    const { userId = '' } = request.params;
    const { tenant_id: projectId } = request.body;
    const caller = principalOf(request);
    mustBeUnrestricted(caller, 'identity:ec2_create_credential');
    if (!(await directory.user(userId))) throw notFound('user', userId);
    if (!(await directory.project(projectId))) throw notFound('project', projectId);
    const { applicationCredential, scope } = caller;
    if (applicationCredential && !(scope.kind === 'project' && scope.id === projectId))
      throw forbidden('identity:ec2_create_credential, the application credential is for another project');
    const blob = {
      access: toHex(runtime.chance.bytes(keyBytes)),
      secret: toHex(runtime.chance.bytes(keyBytes)),
      trust_id: null,
    };
    const row: CredentialRow = {
      id: accessId(blob.access),
      type: 'ec2',
      blob: blobOf('ec2', blob, caller),
      userId,
      projectId,
      extra: {},
    };
    await store(request, row);
    return { body: { credential: showKey(request.origin, row) } };
  });

  http.serve(ec2.show, async (request) => ({
    body: { credential: showKey(request.origin, await findKey(request)) },
  }));
  http.serve(ec2.remove, async (request) => {
    mustBeUnrestricted(principalOf(request), 'identity:ec2_delete_credential');
    await drop(request, await findKey(request));
    return {};
  });
};
