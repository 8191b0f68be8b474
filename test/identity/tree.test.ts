import test from 'ava';
import { fakeTables } from '../fake/tables.ts';
import { hookedTables } from './hooked-tables.ts';
import { adminPassword, itemsOf, type Json, openHost, openWorld } from './world.ts';

const names = (list: Json | undefined): string[] =>
  itemsOf(list)
    .map(({ name }) => String(name))
    .sort();

/** a > b > c, all in Default. */
const openTree = async (t: Parameters<typeof openHost>[0]) => {
  const opened = await openHost(t);
  const { asAdmin } = opened;
  const create = (name: string, parent_id?: string, more = {}) =>
    asAdmin('POST', '/v3/projects', { project: { name, ...(parent_id && { parent_id }), ...more } });
  const made = async (name: string, parent?: string): Promise<string> =>
    String((await create(name, parent)).body.project?.id);
  const a = await made('a');
  const b = await made('b', a);
  const c = await made('c', b);
  return { ...opened, a, b, c, create, made };
};

test('project tree: parents and what is below, as lists and as ids', async (t) => {
  const { asAdmin, a, b, c, made } = await openTree(t);
  const d = await made('d', a);
  const show = async (id: string, query: string) =>
    (await asAdmin('GET', `/v3/projects/${id}?${query}`)).body.project;
  t.deepEqual((await show(c, 'parents_as_ids'))?.parents, { [b]: { [a]: { default: null } } } as never);
  t.deepEqual((await show(a, 'subtree_as_ids'))?.subtree, { [b]: { [c]: null }, [d]: null } as never);
  t.is((await show(c, 'subtree_as_ids'))?.subtree, null as never);
  const parents = itemsOf<Json>((await show(c, 'parents_as_list'))?.parents);
  t.deepEqual(
    parents.map(({ project }) => String(project?.name)),
    ['b', 'a', 'Default'],
  );
  const below = itemsOf<Json>((await show(a, 'subtree_as_list'))?.subtree);
  t.deepEqual(below.map(({ project }) => String(project?.name)).sort(), ['b', 'c', 'd']);
  t.is((await asAdmin('GET', `/v3/projects/${a}?subtree_as_ids&subtree_as_list`)).status, 400);
  t.deepEqual(names((await asAdmin('GET', `/v3/projects?parent_id=${a}`)).body.projects), ['b', 'd']);
});

test('project tree: a branch is deleted from its leaves and enabled from its root', async (t) => {
  const { asAdmin, a, b, c, create } = await openTree(t);
  const set = async (id: string, enabled: boolean) =>
    (await asAdmin('PATCH', `/v3/projects/${id}`, { project: { enabled } })).status;
  t.is((await asAdmin('DELETE', `/v3/projects/${b}`)).status, 403);
  t.is(await set(b, false), 403);
  t.is(await set(c, false), 200);
  t.is(await set(b, false), 200);
  t.is(await set(c, true), 403);
  t.is((await create('late', b)).status, 400, 'below what is disabled');
  for (const id of [c, b, a]) t.is((await asAdmin('DELETE', `/v3/projects/${id}`)).status, 204);
  t.is((await create('late', b)).status, 400, 'below what is gone');
});

test('project tree: it is five levels deep, the domain counted', async (t) => {
  const { c, create, made } = await openTree(t);
  const d = await made('d', c);
  const answer = await create('e', d);
  t.is(answer.status, 403);
  t.regex(String(answer.body.error?.message), /Max hierarchy depth/);
});

test('project tree: a creator below and a deleter above leave no orphan, whoever is slow at whichever step', async (t) => {
  for (const slow of ['creator', 'deleter'] as const) {
    const outcomes = new Set<string>();
    for (let step = 0, isOver = false; !isOver; step += 1) {
      let other: Promise<{ status: number }> | undefined;
      let left = step;
      const race = { on: false };
      const world = openWorld(
        t,
        hookedTables(fakeTables(), async () => {
          if (race.on && !other && left-- <= 0) {
            other = slow === 'creator' ? remove() : create();
            await other;
          }
          return undefined;
        }),
      );
      const host = await world.host();
      const admin = await host.login('admin', adminPassword, 'admin');
      const make = (project: object) =>
        host.call('POST', '/v3/projects', { token: admin, body: { project } });
      const parent = String((await make({ name: 'above' })).body.project?.id);
      const create = () => make({ name: 'below', parent_id: parent });
      const remove = () => host.call('DELETE', `/v3/projects/${parent}`, { token: admin });
      race.on = true;
      const first = await (slow === 'creator' ? create() : remove());
      race.on = false;
      isOver = other === undefined;
      const second = (await other) ?? (await (slow === 'creator' ? remove() : create()));
      const [created, removed] = slow === 'creator' ? [first, second] : [second, first];
      const stands = (await host.call('GET', `/v3/projects/${parent}`, { token: admin })).status === 200;
      t.is(created.status === 201, stands, `${slow}, step ${step}: ${created.status}/${removed.status}`);
      t.is(removed.status, stands ? 403 : 204, `${slow}, step ${step}`);
      outcomes.add(`${created.status}/${removed.status}`);
    }
    t.true(outcomes.has('201/403') && outcomes.size > 1, `${slow}: ${[...outcomes].join()}`);
  }
});

test('project tree: a creator who was killed does not keep the parent from being deleted', async (t) => {
  for (let step = 1; step < 8; step += 1) {
    const fate = { mortal: false };
    let left = step;
    const world = openWorld(
      t,
      hookedTables(fakeTables(), ({ verb }) => {
        if (fate.mortal && (verb === 'put' || verb === 'change') && left-- <= 0) throw new Error('killed');
        return undefined;
      }),
    );
    const host = await world.host();
    const admin = await host.login('admin', adminPassword, 'admin');
    const create = (project: object) =>
      host.call('POST', '/v3/projects', { token: admin, body: { project } });
    const parent = String((await create({ name: 'above' })).body.project?.id);
    fate.mortal = true;
    const { status } = await create({ name: 'below', parent_id: parent });
    fate.mortal = false;
    const { status: deleted } = await host.call('DELETE', `/v3/projects/${parent}`, { token: admin });
    t.is(deleted, status === 201 ? 403 : 204, `step ${step}`);
  }
});

test('project: a domain is one, too', async (t) => {
  const { asAdmin, host } = await openHost(t);
  const made = await asAdmin('POST', '/v3/projects', { project: { name: 'north', is_domain: true } });
  t.is(made.status, 201);
  t.like(made.body.project, { is_domain: true, domain_id: null, parent_id: null });
  const id = String(made.body.project?.id);
  t.is((await asAdmin('GET', `/v3/domains/${id}`)).status, 200);
  t.is(String((await asAdmin('GET', `/v3/projects/${id}`)).body.project?.name), 'north');
  t.deepEqual(names((await asAdmin('GET', '/v3/projects?is_domain=true')).body.projects), [
    'Default',
    'north',
  ]);
  t.deepEqual(names((await asAdmin('GET', '/v3/projects')).body.projects), ['admin']);
  t.is((await asAdmin('PATCH', `/v3/projects/${id}`, { project: { name: 'south' } })).status, 200);
  t.is(String((await asAdmin('GET', `/v3/domains/${id}`)).body.domain?.name), 'south');
  const [role] = itemsOf((await asAdmin('GET', '/v3/roles?name=member')).body.roles);
  const user = await asAdmin('POST', '/v3/users', { user: { name: 'ann', password: 'secret' } });
  await asAdmin('PUT', `/v3/projects/${id}/users/${user.body.user?.id}/roles/${role?.id}`);
  const entered = await host.call('POST', '/v3/auth/tokens', {
    body: {
      auth: {
        identity: {
          methods: ['password'],
          password: { user: { name: 'ann', domain: { id: 'default' }, password: 'secret' } },
        },
        scope: { project: { id } },
      },
    },
  });
  t.is(entered.status, 201);
  t.is(entered.body.token?.is_domain, true as never);
  t.is((await asAdmin('DELETE', `/v3/projects/${id}`)).status, 403, 'it is enabled');
  await asAdmin('PATCH', `/v3/projects/${id}`, { project: { enabled: false } });
  t.is((await asAdmin('DELETE', `/v3/projects/${id}`)).status, 204);
  t.is((await asAdmin('GET', `/v3/domains/${id}`)).status, 404);
});

test('tags: added, listed, replaced, taken, and filters of the list', async (t) => {
  const { asAdmin } = await openHost(t);
  const make = async (name: string, tags: string[]) =>
    String((await asAdmin('POST', '/v3/projects', { project: { name, tags } })).body.project?.id);
  const id = await make('p', ['red']);
  await make('q', ['red', 'blue']);
  const tags = `/v3/projects/${id}/tags`;
  t.is((await asAdmin('PUT', `${tags}/green`)).status, 201);
  t.is((await asAdmin('PUT', `${tags}/green`)).status, 201);
  t.is((await asAdmin('GET', `${tags}/green`)).status, 204);
  t.is((await asAdmin('HEAD', `${tags}/blue`)).status, 404);
  t.deepEqual((await asAdmin('GET', tags)).body.tags, ['red', 'green'] as never);
  const list = async (query: string) => names((await asAdmin('GET', `/v3/projects?${query}`)).body.projects);
  t.deepEqual(await list('tags=red'), ['p', 'q']);
  t.deepEqual(await list('tags=red,blue'), ['q']);
  t.deepEqual(await list('tags-any=green,blue'), ['p', 'q']);
  t.deepEqual(await list('not-tags=red,blue'), ['admin', 'p']);
  t.deepEqual(await list('not-tags-any=green,blue'), ['admin']);
  t.is((await asAdmin('PUT', tags, { tags: ['a', 'a'] })).status, 400);
  t.is((await asAdmin('PUT', tags, { tags: Array.from({ length: 81 }, (_, i) => `t${i}`) })).status, 400);
  t.is((await asAdmin('PUT', tags, { tags: Array.from({ length: 80 }, (_, i) => `t${i}`) })).status, 200);
  t.is((await asAdmin('PUT', `${tags}/one-more`)).status, 400);
  t.is((await asAdmin('DELETE', `${tags}/t7`)).status, 204);
  t.is((await asAdmin('DELETE', `${tags}/t7`)).status, 404);
  t.is((await asAdmin('DELETE', tags)).status, 204);
  t.deepEqual((await asAdmin('GET', tags)).body.tags, [] as never);
  t.is((await asAdmin('PUT', '/v3/domains/default/tags/x')).status, 404);
  t.is((await asAdmin('PUT', '/v3/projects/default/tags/x')).status, 201, 'a domain is a project');
  t.deepEqual((await asAdmin('GET', '/v3/domains/default')).body.domain?.tags, ['x'] as never);
});

test('immutable: what is so takes no change and no deletion until that is undone', async (t) => {
  const { asAdmin } = await openHost(t);
  for (const one of ['project', 'role', 'domain']) {
    const made = await asAdmin('POST', `/v3/${one}s`, { [one]: { name: 'x', options: { immutable: true } } });
    const path = `/v3/${one}s/${made.body[one]?.id}`;
    t.is((await asAdmin('PATCH', path, { [one]: { name: 'y' } })).status, 403, one);
    t.is((await asAdmin('DELETE', path)).status, 403, one);
    t.is((await asAdmin('PATCH', path, { [one]: { options: { immutable: null } } })).status, 200, one);
    t.is((await asAdmin('PATCH', path, { [one]: { name: 'y' } })).status, 200, one);
    if (one === 'domain') await asAdmin('PATCH', path, { domain: { enabled: false } });
    t.is((await asAdmin('DELETE', path)).status, 204, one);
  }
});
