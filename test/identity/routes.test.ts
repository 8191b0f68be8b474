/**
 * Every route of proto/rest/identity.ts is called here with a success (the other files call them with all that can
 * go wrong). A route that has no entry must stand in `unproved`, which may only shrink.
 */
import { createHmac } from 'node:crypto';
import test from 'ava';
import { Compile } from 'typebox/compile';
import { identityRouteList } from '../../proto/rest/identity.ts';
import type { Route } from '../../proto/rest/route.ts';
import { oauthClient, type Pair } from './oauth-client.ts';
import { addMember, adminPassword, itemsOf, openHost, passwordAuth } from './world.ts';

const unproved: readonly string[] = [];

interface Call {
  readonly path?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** Default the admin's. */
  readonly token?: string;
}

test('identity: every route answers as its definition says', async (t) => {
  const opened = await openHost(t);
  const { host, asAdmin, admin } = opened;
  const { userId, projectId, roleId } = await addMember(opened, 'ann');
  const made = async (path: string, one: string, body: object) =>
    String((await asAdmin('POST', `/v3/${path}`, { [one]: body })).body[one]?.id);
  const ids = {
    domain: await made('domains', 'domain', { name: 'd', enabled: false }),
    project: await made('projects', 'project', { name: 'p' }),
    user: await made('users', 'user', { name: 'u' }),
    group: await made('groups', 'group', { name: 'g' }),
    role: await made('roles', 'role', { name: 'r' }),
    service: await made('services', 'service', { name: 's', type: 't' }),
    region: await made('regions', 'region', { id: 'north' }),
    policy: await made('policies', 'policy', { type: 'application/json', blob: '{}' }),
    credential: await made('credentials', 'credential', { type: 'note', blob: 'x' }),
  };
  const endpoint = await made('endpoints', 'endpoint', {
    service_id: ids.service,
    interface: 'public',
    url: 'http://a',
  });
  const endpointGroup = await made('OS-EP-FILTER/endpoint_groups', 'endpoint_group', {
    name: 'e',
    filters: {},
  });
  const spare = await host.login('ann', 'secret', 'ann-project');
  const ann = await host.login('ann', 'secret', 'ann-project');
  const application = await host.call('POST', `/v3/users/${userId}/application_credentials`, {
    token: ann,
    body: {
      application_credential: {
        name: 'first',
        access_rules: [{ service: 'image', method: 'GET', path: '/v2/images' }],
      },
    },
  });
  const rule = itemsOf(application.body.application_credential?.access_rules)[0]?.id;
  const key = await asAdmin('POST', `/v3/users/${userId}/credentials/OS-EC2`, { tenant_id: projectId });
  const { access, secret } = (key.body.credential ?? {}) as unknown as Record<string, string>;

  const newConsumer = async (): Promise<Pair> =>
    (await asAdmin('POST', '/v3/OS-OAUTH1/consumers', { consumer: {} })).body.consumer as unknown as Pair;
  const client = oauthClient(host, await newConsumer());
  const spareConsumer = (await newConsumer()).id;
  const authorized = async () => {
    const asked = await client.request(projectId);
    const yes = await client.authorize(asked.id, ann, [{ name: 'member' }]);
    return { asked, verifier: String(yes.body.token?.oauth_verifier) };
  };
  const first = await authorized();
  const accessToken = (await client.access(first.asked, first.verifier)).id;
  const waiting = await authorized();
  const other = await client.request(projectId);

  const crud = (title: string, path: string, create: object, update: object, id: string) => {
    const one = title.replaceAll(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
    const at = `/v3/${path}/${id}`;
    const titles = title === 'Policy' ? 'Policies' : `${title}s`;
    return {
      [`list${titles}`]: {},
      [`create${title}`]: { body: { [one]: create } },
      [`show${title}`]: { path: at },
      [`update${title}`]: { path: at, body: { [one]: update } },
      [`delete${title}`]: { path: at },
    };
  };
  const named = (title: string, path: string, id: string) =>
    crud(title, path, { name: 'new' }, { name: 'renamed' }, id);
  const granted = (on: string, below: string, inherited = false): Record<string, Call> => {
    const [prefix, suffix] = inherited ? ['OS-INHERIT/', '/inherited_to_projects'] : ['', ''];
    const calls: Record<string, Call> = {};
    for (const [actor, id] of [
      ['User', userId],
      ['Group', ids.group],
    ] as const) {
      const path = `/v3/${prefix}${below}/${actor.toLowerCase()}s/${id}/roles`;
      const what = `${inherited ? 'Inherited' : ''}${on}${actor}Grant`;
      calls[`create${what}`] = { path: `${path}/${ids.role}${suffix}` };
      calls[`check${what}`] = { path: `${path}/${ids.role}${suffix}` };
      calls[`list${what}s`] = { path: `${path}${suffix}` };
      calls[`delete${what}`] = { path: `${path}/${ids.role}${suffix}` };
    }
    return calls;
  };
  const tags = `/v3/projects/${projectId}/tags`;
  const member = `/v3/groups/${ids.group}/users/${userId}`;
  const implies = `/v3/roles/${ids.role}/implies`;
  const mine = `/v3/users/${userId}`;
  const config = '/v3/domains/default/config';
  const filter = '/v3/OS-EP-FILTER';
  const shared = `${filter}/endpoint_groups/${endpointGroup}/projects/${projectId}`;
  const given = `${filter}/projects/${projectId}/endpoints/${endpoint}`;
  const stringToSign = `GET\n\n\n${new Date().toUTCString()}\n/`;
  const credentials = {
    access,
    token: Buffer.from(stringToSign).toString('base64url'),
    signature: createHmac('sha1', secret ?? '')
      .update(stringToSign)
      .digest('base64'),
  };
  const signed = { SignatureVersion: '0', Action: 'DescribeInstances', Timestamp: new Date().toISOString() };
  const ec2Credentials = {
    access,
    params: signed,
    signature: createHmac('sha1', secret ?? '')
      .update(signed.Action + signed.Timestamp)
      .digest('base64'),
  };

  const calls: Record<string, Call> = {
    listVersions: { path: '/' },
    showVersion: {},
    issueToken: { body: passwordAuth('admin', adminPassword, { system: { all: true } }) },
    validateToken: { headers: { 'X-Subject-Token': spare } },
    revokeToken: { headers: { 'X-Subject-Token': spare } },
    issueEc2Token: { body: { ec2Credentials } },
    issueS3Token: { body: { credentials } },
    getAuthCatalog: {},
    getAuthProjects: {},
    getAuthDomains: {},
    getAuthSystem: {},

    replaceProjectTags: { path: tags, body: { tags: ['red'] } },
    listProjectTags: { path: tags },
    addProjectTag: { path: `${tags}/blue` },
    checkProjectTag: { path: `${tags}/blue` },
    deleteProjectTag: { path: `${tags}/blue` },
    deleteProjectTags: { path: tags },

    createDomainConfig: { path: config, body: { config: { identity: { driver: 'sql', list_limit: 5 } } } },
    showDomainConfig: { path: config },
    updateDomainConfig: { path: config, body: { config: { ldap: { url: 'ldap://a' } } } },
    showDomainConfigGroup: { path: `${config}/ldap` },
    updateDomainConfigGroup: { path: `${config}/ldap`, body: { config: { ldap: { url: 'ldap://b' } } } },
    showDomainConfigOption: { path: `${config}/ldap/url` },
    updateDomainConfigOption: { path: `${config}/ldap/url`, body: { config: { url: 'ldap://c' } } },
    deleteDomainConfigOption: { path: `${config}/identity/driver` },
    deleteDomainConfigGroup: { path: `${config}/ldap` },
    deleteDomainConfig: { path: config },
    showDefaultConfig: {},
    showDefaultConfigGroup: { path: '/v3/domains/config/ldap/default' },
    showDefaultConfigOption: { path: '/v3/domains/config/ldap/url/default' },

    addGroupUser: { path: member },
    checkGroupUser: { path: member },
    listGroupUsers: { path: `/v3/groups/${ids.group}/users` },
    listUserGroups: { path: `${mine}/groups` },
    removeGroupUser: { path: member },
    createImpliedRole: { path: `${implies}/${roleId}` },
    checkImpliedRole: { path: `${implies}/${roleId}` },
    showImpliedRole: { path: `${implies}/${roleId}` },
    listImpliedRoles: { path: implies },
    listRoleInferences: {},
    deleteImpliedRole: { path: `${implies}/${roleId}` },

    ...granted('Project', `projects/${projectId}`),
    ...granted('Domain', 'domains/default'),
    ...granted('System', 'system'),
    ...granted('Project', `projects/${projectId}`, true),
    ...granted('Domain', 'domains/default', true),
    listRoleAssignments: {},
    listUserProjects: { path: `${mine}/projects` },

    createApplicationCredential: {
      path: `${mine}/application_credentials`,
      body: { application_credential: { name: 'second' } },
      token: ann,
    },
    listApplicationCredentials: { path: `${mine}/application_credentials` },
    showApplicationCredential: {
      path: `${mine}/application_credentials/${application.body.application_credential?.id}`,
    },
    deleteApplicationCredential: {
      path: `${mine}/application_credentials/${application.body.application_credential?.id}`,
    },
    listAccessRules: { path: `${mine}/access_rules` },
    showAccessRule: { path: `${mine}/access_rules/${rule}` },
    deleteAccessRule: { path: `${mine}/access_rules/${rule}` },
    ...crud('Credential', 'credentials', { type: 'note', blob: 'y' }, { blob: 'z' }, ids.credential),
    createEc2Credential: { path: `${mine}/credentials/OS-EC2`, body: { tenant_id: projectId } },
    listEc2Credentials: { path: `${mine}/credentials/OS-EC2` },
    showEc2Credential: { path: `${mine}/credentials/OS-EC2/${access}` },
    deleteEc2Credential: { path: `${mine}/credentials/OS-EC2/${access}` },

    ...crud('Consumer', 'OS-OAUTH1/consumers', { description: 'x' }, { description: 'y' }, spareConsumer),
    createRequestToken: {
      headers: { ...client.headers('/v3/OS-OAUTH1/request_token'), 'Requested-Project-Id': projectId },
    },
    createAccessToken: {
      headers: client.headers('/v3/OS-OAUTH1/access_token', waiting.asked, {
        oauth_verifier: waiting.verifier,
      }),
    },
    authorizeRequestToken: {
      path: `/v3/OS-OAUTH1/authorize/${other.id}`,
      body: { roles: [{ name: 'member' }] },
      token: ann,
    },
    listAccessTokens: { path: `${mine}/OS-OAUTH1/access_tokens` },
    showAccessToken: { path: `${mine}/OS-OAUTH1/access_tokens/${accessToken}` },
    listAccessTokenRoles: { path: `${mine}/OS-OAUTH1/access_tokens/${accessToken}/roles` },
    showAccessTokenRole: { path: `${mine}/OS-OAUTH1/access_tokens/${accessToken}/roles/${roleId}` },
    deleteAccessToken: { path: `${mine}/OS-OAUTH1/access_tokens/${accessToken}` },

    createEndpointGroup: {
      path: `${filter}/endpoint_groups`,
      body: { endpoint_group: { name: 'f', filters: { interface: 'public' } } },
    },
    listEndpointGroups: { path: `${filter}/endpoint_groups` },
    showEndpointGroup: { path: `${filter}/endpoint_groups/${endpointGroup}` },
    updateEndpointGroup: {
      path: `${filter}/endpoint_groups/${endpointGroup}`,
      body: { endpoint_group: { filters: { service_id: ids.service } } },
    },
    listEndpointsOfGroup: { path: `${filter}/endpoint_groups/${endpointGroup}/endpoints` },
    addEndpointGroup: { path: shared },
    showProjectEndpointGroup: { path: shared },
    listProjectsOfEndpointGroup: { path: `${filter}/endpoint_groups/${endpointGroup}/projects` },
    listProjectEndpointGroups: { path: `${filter}/projects/${projectId}/endpoint_groups` },
    addProjectEndpoint: { path: given },
    checkProjectEndpoint: { path: given },
    listProjectEndpoints: { path: `${filter}/projects/${projectId}/endpoints` },
    listEndpointProjects: { path: `${filter}/endpoints/${endpoint}/projects` },
    removeProjectEndpoint: { path: given },
    removeEndpointGroup: { path: shared },
    checkEndpointGroup: { path: `${filter}/endpoint_groups/${endpointGroup}` },
    deleteEndpointGroup: { path: `${filter}/endpoint_groups/${endpointGroup}` },

    ...crud(
      'Endpoint',
      'endpoints',
      { service_id: ids.service, interface: 'admin', url: 'http://b' },
      { url: 'http://c' },
      endpoint,
    ),
    ...crud('Service', 'services', { type: 't' }, { name: 'renamed' }, ids.service),
    ...crud('Region', 'regions', { description: 'x' }, { description: 'y' }, ids.region),
    putRegion: { path: '/v3/regions/south', body: { region: { description: 'z' } } },
    ...crud('Policy', 'policies', { type: 'a', blob: 'b' }, { blob: 'c' }, ids.policy),
    showLimitModel: {},
    listLimits: {},
    listRegisteredLimits: {},

    ...named('Role', 'roles', ids.role),
    ...named('Project', 'projects', ids.project),
    ...named('Group', 'groups', ids.group),
    ...named('User', 'users', ids.user),
    ...named('Domain', 'domains', ids.domain),
    changePassword: {
      path: `${mine}/password`,
      body: { user: { original_password: 'secret', password: 'other' } },
    },
    ...Object.fromEntries(
      identityRouteList
        .filter(({ status }) => status === 501)
        .map(({ name, path }) => [name, { path: path.replaceAll(/:\w+|\*/g, 'x') }]),
    ),
  };

  const routes = new Map<string, Route>(identityRouteList.map((route) => [route.name, route]));
  t.is(routes.size, identityRouteList.length, 'names are unique');
  t.deepEqual(
    [...routes.keys()].filter((name) => !(name in calls)),
    [...unproved],
  );
  for (const [name, call] of Object.entries(calls)) {
    const route = routes.get(name);
    if (!route) {
      t.fail(`no route has the name ${name}`);
      continue;
    }
    const answer = await host.call(route.method, call.path ?? route.path, {
      token: call.token ?? admin,
      ...(call.body !== undefined && { body: call.body }),
      ...(call.headers && { headers: call.headers }),
    });
    t.is(answer.status, route.status, `${name}: ${JSON.stringify(answer.body)}`);
    if (route.answer)
      t.deepEqual(Compile(route.answer).Errors(answer.body), [], `${name} answers with its schema`);
  }
});

test('identity: every route that is not public refuses a caller without a token', async (t) => {
  const { host } = await openHost(t);
  for (const route of identityRouteList) {
    if (route.policy === 'public') continue;
    const answer = await host.call(route.method, route.path.replaceAll(/:\w+/g, 'x'), {
      ...(route.body && { body: {} }),
    });
    t.is(answer.status, 401, route.name);
  }
});
