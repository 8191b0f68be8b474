/** Servers over HTTP. */
import { ShoalError } from '../../proto/error.ts';
import type { computeRoutes } from '../../proto/rest/compute.ts';
import { type ApiAnswer, type ApiRequest, principalOf } from '../http/port.ts';
import { type Context, isTrue, param, record, type Serve, viewerOf } from './context.ts';
import type { Server } from './records.ts';
import { pickServers } from './server-listing.ts';
import {
  hostNameOf,
  linksOf,
  plainAddressesOf,
  type Viewer,
  viewServer,
  viewServerBrief,
  viewServerDetail,
} from './server-view.ts';
import { projectOf } from './servers.ts';

type Routes = typeof computeRoutes;

const listing = async (
  context: Context,
  request: ApiRequest,
  path: string,
  view: (server: Server, viewer: Viewer) => unknown,
): Promise<ApiAnswer> => {
  const principal = principalOf(request);
  const { query } = request;
  const viewer = viewerOf(context, request);
  const all =
    query.has('all_tenants') && (query.get('all_tenants') === '' || isTrue(query.get('all_tenants')));
  if (all && !viewer.isAdmin)
    throw new ShoalError(
      'FORBIDDEN',
      "Policy doesn't allow os_compute_api:servers:index:get_all_tenants to be performed.",
    );
  const servers = await (all ? context.servers.listAll() : context.servers.listProject(projectOf(principal)));
  const names = { hostName: (hostId: string | null) => hostNameOf(context.members, hostId) };
  const { page, more } = pickServers(servers, query, viewer, names);
  const last = page.at(-1);
  const next = new URLSearchParams(query);
  if (last) next.set('marker', last.id);
  return {
    body: {
      servers: page.map((server) => view(server, viewer)),
      ...(more && {
        servers_links: [{ rel: 'next', href: `${request.origin}/compute/v2.1/${path}?${next}` }],
      }),
    },
  };
};

export const listServers: Serve = (context, request) => listing(context, request, 'servers', viewServerBrief);
export const listServersDetail: Serve = (context, request) =>
  listing(context, request, 'servers/detail', viewServerDetail);

export const createServer: Serve<Routes['createServer']> = async (context, request) => {
  const { servers, adminPassword } = await context.create(principalOf(request), request.body, request.signal);
  for (const { id, name, flavor, image } of servers)
    record(context, request, 'server.create', id, { name, flavor: flavor.name, image: image.id });
  const [first] = servers;
  if (!first) throw new Error('a request for servers made none');
  if (isTrue(request.body.server.return_reservation_id))
    return { body: { reservation_id: `r-${first.id.slice(0, 8)}` } };
  const links = linksOf(request.origin, `servers/${first.id}`);
  return {
    headers: { Location: links[0]?.href ?? '' },
    body: {
      server: {
        id: first.id,
        links,
        'OS-DCF:diskConfig': first.diskConfig,
        security_groups: [{ name: 'default' }],
        adminPass: adminPassword,
      },
    },
  };
};

const shown = (context: Context, request: ApiRequest): Promise<Server> =>
  context.servers.show(principalOf(request), param(request, 'serverId'));

export const showServer: Serve = async (context, request) => ({
  body: { server: viewServerDetail(await shown(context, request), viewerOf(context, request)) },
});

export const updateServer: Serve<Routes['updateServer']> = async (context, request) => {
  const { name, accessIPv4, accessIPv6, 'OS-DCF:diskConfig': diskConfig } = request.body.server;
  const server = await context.servers.update(
    principalOf(request),
    param(request, 'serverId'),
    (current) => ({
      ...current,
      ...(name !== undefined && { name }),
      ...(accessIPv4 !== undefined && { accessIPv4 }),
      ...(accessIPv6 !== undefined && { accessIPv6 }),
      ...(diskConfig !== undefined && { diskConfig }),
    }),
  );
  record(context, request, 'server.update', server.id, request.body.server);
  return { body: { server: viewServer(server, viewerOf(context, request)) } };
};

export const deleteServer: Serve = async (context, request) => {
  const { id, name } = await context.servers.delete(principalOf(request), param(request, 'serverId'));
  record(context, request, 'server.delete', id, { name });
  return {};
};

export const listAddresses: Serve = async (context, request) => ({
  body: { addresses: plainAddressesOf(await shown(context, request)) },
});

export const showAddresses: Serve = async (context, request) => {
  const network = param(request, 'network');
  const addresses = plainAddressesOf(await shown(context, request))[network];
  if (!addresses) throw new ShoalError('NOT_FOUND', 'Network name not found');
  return { body: { [network]: addresses } };
};

export const listMetadata: Serve = async (context, request) => ({
  body: { metadata: (await shown(context, request)).metadata },
});

export const replaceMetadata: Serve<Routes['replaceMetadata']> = (context, request) =>
  changeMetadata(context, request, () => request.body.metadata);

export const updateMetadata: Serve<Routes['updateMetadata']> = (context, request) =>
  changeMetadata(context, request, (current) => ({ ...current, ...request.body.metadata }));

const changeMetadata = async (
  context: Context,
  request: ApiRequest,
  next: (current: Server['metadata']) => Server['metadata'],
): Promise<ApiAnswer> => {
  const id = param(request, 'serverId');
  const metadata = await context.servers.setMetadata(principalOf(request), id, next);
  record(context, request, 'server.metadata', id);
  return { body: { metadata } };
};

const noItem = new ShoalError('NOT_FOUND', 'Metadata item was not found');

export const showMetadataItem: Serve = async (context, request) => {
  const key = param(request, 'key');
  const { metadata } = await shown(context, request);
  if (!Object.hasOwn(metadata, key)) throw noItem;
  return { body: { meta: { [key]: metadata[key] } } };
};

export const setMetadataItem: Serve<Routes['setMetadataItem']> = async (context, request) => {
  const key = param(request, 'key');
  const { meta } = request.body;
  if (Object.keys(meta).length !== 1)
    throw new ShoalError('BAD_REQUEST', 'Request body contains too many items');
  if (!Object.hasOwn(meta, key)) throw new ShoalError('BAD_REQUEST', 'Request body and URI mismatch');
  await changeMetadata(context, request, (current) => ({ ...current, ...meta }));
  return { body: { meta } };
};

export const deleteMetadataItem: Serve = async (context, request) => {
  const key = param(request, 'key');
  await changeMetadata(context, request, (current) => {
    if (!Object.hasOwn(current, key)) throw noItem;
    return Object.fromEntries(Object.entries(current).filter(([name]) => name !== key));
  });
  return { status: 204 };
};
