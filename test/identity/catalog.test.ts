import test from 'ava';
import { addMember, itemsOf, type Json, openHost } from './world.ts';

interface Entry {
  readonly type: string;
  readonly endpoints: readonly { readonly url: string; readonly region: string | null }[];
}

const open = async (t: Parameters<typeof openHost>[0]) => {
  const opened = await openHost(t);
  const { host, asAdmin } = opened;
  const ann = await addMember(opened, 'ann');
  const token = await host.login('ann', 'secret', 'ann-project');
  const catalog = async (): Promise<readonly Entry[]> =>
    itemsOf<Entry>((await host.call('GET', '/v3/auth/catalog', { token })).body.catalog);
  const service = await asAdmin('POST', '/v3/services', { service: { type: 'dns', name: 'designate' } });
  const serviceId = String(service.body.service?.id);
  const addEndpoint = (more: object = {}) =>
    asAdmin('POST', '/v3/endpoints', {
      endpoint: {
        service_id: serviceId,
        interface: 'public',
        url: 'http://dns/v2/%(project_id)s/$(user_id)s',
        ...more,
      },
    });
  return { ...opened, ...ann, token, catalog, serviceId, addEndpoint };
};

const idOf = (answer: { body: Json }, one: string): string => String(answer.body[one]?.id);

test('catalog: what operators add stands beside shoal’s own, filled in for the token', async (t) => {
  const { catalog, addEndpoint, asAdmin, serviceId, projectId, userId, world, token } = await open(t);
  const own = (await catalog()).length - 1;
  t.deepEqual((await catalog()).find(({ type }) => type === 'dns')?.endpoints, []);
  const made = await addEndpoint({ region: 'north' });
  t.is(made.status, 201);
  const expected = [{ url: `http://dns/v2/${projectId}/${userId}`, region: 'north' }];
  t.like((await catalog()).find(({ type }) => type === 'dns')?.endpoints, expected);
  const there = await world.host();
  const elsewhere = await there.call('GET', '/v3/auth/catalog', { token });
  t.like(itemsOf<Entry>(elsewhere.body.catalog).find(({ type }) => type === 'dns')?.endpoints, expected);
  const path = `/v3/endpoints/${idOf(made, 'endpoint')}`;
  await asAdmin('PATCH', path, { endpoint: { enabled: false } });
  t.deepEqual((await catalog()).find(({ type }) => type === 'dns')?.endpoints, []);
  await asAdmin('PATCH', `/v3/services/${serviceId}`, { service: { enabled: false } });
  t.is((await catalog()).length, own);
  t.is((await asAdmin('DELETE', `/v3/services/${serviceId}`)).status, 204);
  t.is((await asAdmin('GET', path)).status, 404, 'endpoints go with their service');
});

test('catalog: shoal’s own services, endpoints and region cannot be changed', async (t) => {
  const { asAdmin } = await openHost(t);
  const service = itemsOf((await asAdmin('GET', '/v3/services')).body.services)[0]?.id;
  const endpoint = itemsOf((await asAdmin('GET', '/v3/endpoints')).body.endpoints)[0]?.id;
  for (const [path, body] of [
    [`services/${service}`, { service: { name: 'x' } }],
    [`endpoints/${endpoint}`, { endpoint: { url: 'http://x' } }],
    ['regions/RegionOne', { region: { description: 'x' } }],
  ] as const) {
    t.is((await asAdmin('PATCH', `/v3/${path}`, body)).status, 403, path);
    t.is((await asAdmin('DELETE', `/v3/${path}`)).status, 403, path);
  }
  t.is((await asAdmin('PUT', '/v3/regions/RegionOne', { region: {} })).status, 409);
});

test('regions: below each other, made by an endpoint that names one, deleted when nothing is in them', async (t) => {
  const { asAdmin, addEndpoint } = await open(t);
  const create = (region: object) => asAdmin('POST', '/v3/regions', { region });
  t.is((await create({ id: 'eu', description: 'Europe' })).status, 201);
  t.is((await create({ id: 'eu' })).status, 409);
  t.is((await create({ id: 'eu.1', parent_region_id: 'eu' })).status, 201);
  t.is((await create({ id: 'x', parent_region_id: 'missing' })).status, 404);
  const below = await asAdmin('GET', '/v3/regions?parent_region_id=eu');
  t.deepEqual(
    itemsOf(below.body.regions).map(({ id }) => id),
    ['eu.1'],
  );
  t.is((await asAdmin('DELETE', '/v3/regions/eu')).status, 403);
  t.is((await asAdmin('DELETE', '/v3/regions/eu.1')).status, 204);
  t.is((await addEndpoint({ region_id: 'missing' })).status, 400);
  t.is((await addEndpoint({ service_id: 'missing' })).status, 400);
  const made = await addEndpoint({ region: 'made' });
  t.is((await asAdmin('GET', '/v3/regions/made')).status, 200);
  t.is((await asAdmin('DELETE', '/v3/regions/made')).status, 403);
  await asAdmin('DELETE', `/v3/endpoints/${idOf(made, 'endpoint')}`);
  t.is((await asAdmin('DELETE', '/v3/regions/made')).status, 204);
});

test('endpoint filter: a project that was given endpoints sees no others, until they are taken back', async (t) => {
  const { catalog, addEndpoint, asAdmin, projectId } = await open(t);
  const endpoint = idOf(await addEndpoint(), 'endpoint');
  const whole = (await catalog()).length;
  const filter = '/v3/OS-EP-FILTER';
  const types = async () => (await catalog()).map(({ type }) => type);
  t.is((await asAdmin('PUT', `${filter}/projects/${projectId}/endpoints/${endpoint}`)).status, 204);
  t.deepEqual(await types(), ['dns']);
  const identity = itemsOf((await asAdmin('GET', '/v3/services?type=identity')).body.services)[0]?.id;
  const group = await asAdmin('POST', `${filter}/endpoint_groups`, {
    endpoint_group: { name: 'identity', filters: { service_id: String(identity), interface: 'public' } },
  });
  const groupId = idOf(group, 'endpoint_group');
  t.is((await asAdmin('PUT', `${filter}/endpoint_groups/${groupId}/projects/${projectId}`)).status, 204);
  t.deepEqual((await types()).sort(), ['dns', 'identity']);
  t.is((await catalog()).find(({ type }) => type === 'identity')?.endpoints.length, 1);
  t.is((await asAdmin('PUT', `${filter}/projects/${projectId}/endpoints/missing`)).status, 404);
  t.is((await asAdmin('PUT', `${filter}/projects/missing/endpoints/${endpoint}`)).status, 404);
  t.is((await asAdmin('DELETE', `${filter}/endpoint_groups/${groupId}`)).status, 204);
  t.deepEqual(await types(), ['dns']);
  t.is((await asAdmin('DELETE', `${filter}/projects/${projectId}/endpoints/${endpoint}`)).status, 204);
  t.is((await asAdmin('GET', `${filter}/projects/${projectId}/endpoints/${endpoint}`)).status, 404);
  t.is((await catalog()).length, whole);
});
