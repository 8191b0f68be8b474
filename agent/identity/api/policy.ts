/** `/v3/policies`: texts that clients keep here, as Keystone does. No service of shoal reads them. And limits: none. */
import { newHexId } from '../../../proto/ids.ts';
import { identityRoutes } from '../../../proto/rest/identity.ts';
import type { PolicyRow } from '../catalog-store.ts';
import { type IdentityContext, journaled } from '../context.ts';
import { notFound } from '../error.ts';
import { extraOf } from './extra.ts';
import { listed, matches } from './filter.ts';
import { listLinks, selfOf } from './render.ts';

const own = ['blob', 'type'];

const show = (origin: string, { id, type, blob, extra }: PolicyRow) => ({
  ...extra,
  id,
  type,
  blob,
  ...selfOf(origin, `policies/${id}`),
});

const asText = (blob: unknown): string => (typeof blob === 'string' ? blob : JSON.stringify(blob));

export const servePolicy = (context: IdentityContext): void => {
  const { http, store } = context;
  const { list, create, show: showOne, update, remove } = identityRoutes.policy;

  http.serve(list, async (request) => {
    const { origin, query } = request;
    const rows = (await store.policies.list()).filter(
      matches(query, { type: ({ type }: PolicyRow) => type }),
    );
    return {
      body: listed(request, { key: 'policies', path: 'policies' }, rows, (row) => show(origin, row)),
    };
  });
  http.serve(create, async (request) => {
    const asked = request.body.policy;
    const row: PolicyRow = {
      id: newHexId(),
      type: asked.type,
      blob: asText(asked.blob),
      extra: extraOf(asked, own),
    };
    await journaled(context, request, 'policy.create', row.id, () => store.policies.create(row));
    return { body: { policy: show(request.origin, row) } };
  });
  http.serve(showOne, async ({ origin, params: { policyId = '' } }) => {
    const row = await store.policies.get(policyId);
    if (!row) throw notFound('policy', policyId);
    return { body: { policy: show(origin, row) } };
  });
  http.serve(update, async (request) => {
    const { policyId = '' } = request.params;
    const asked = request.body.policy;
    const row = await journaled(context, request, 'policy.update', policyId, () =>
      store.policies.change(policyId, (present) => ({
        ...present,
        type: asked.type ?? present.type,
        blob: asked.blob === undefined ? present.blob : asText(asked.blob),
        extra: { ...present.extra, ...extraOf(asked, own) },
      })),
    );
    return { body: { policy: show(request.origin, row) } };
  });
  http.serve(remove, async (request) => {
    const { policyId = '' } = request.params;
    await journaled(context, request, 'policy.delete', policyId, () => store.policies.delete(policyId));
    return {};
  });

  // Quotas of servers and objects are the business of their services: there is no limit here to be listed.
  const { model, list: limits, registered } = identityRoutes.limit;
  http.serve(model, async () => ({
    body: {
      model: {
        name: 'flat',
        description: 'Limit enforcement and validation does not take project hierarchy into consideration.',
      },
    },
  }));
  http.serve(limits, async ({ origin }) => ({ body: { limits: [], ...listLinks(origin, 'limits') } }));
  http.serve(registered, async ({ origin }) => ({
    body: { registered_limits: [], ...listLinks(origin, 'registered_limits') },
  }));
};
