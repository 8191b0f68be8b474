/** What this API is: versions, extensions. */
import { ShoalError } from '../../proto/error.ts';
import { param, type Serve } from './context.ts';
import { newest, oldest } from './microversion.ts';

const self = (origin: string, path: string) => ({ rel: 'self', href: `${origin}/compute/${path}/` });

const legacy = (origin: string) => ({
  id: 'v2.0',
  status: 'SUPPORTED',
  version: '',
  min_version: '',
  updated: '2011-01-21T11:33:21Z',
  links: [self(origin, 'v2')],
});

const current = (origin: string) => ({
  id: 'v2.1',
  status: 'CURRENT',
  version: newest,
  min_version: oldest,
  updated: '2013-07-23T11:33:21Z',
  links: [self(origin, 'v2.1')],
});

export const listVersions: Serve = async (_context, { origin }) => ({
  body: { versions: [legacy(origin), current(origin)] },
});

/** `/v2.1/` and `/v2/`: whichever the route stands for. */
export const showVersion: Serve = async (_context, { origin, route }) => {
  const version = route.path === '/v2' ? legacy(origin) : current(origin);
  return {
    body: {
      version: {
        ...version,
        links: [
          ...version.links,
          { rel: 'describedby', type: 'text/html', href: 'http://docs.openstack.org/' },
        ],
        'media-types': [
          {
            base: 'application/json',
            type: `application/vnd.openstack.compute+json;version=${version.id.slice(1).replace('.0', '')}`,
          },
        ],
      },
    },
  };
};

/** Parts of Nova's API that once were extensions, as far as they are served. */
const extensions = [
  ['os-availability-zone', 'AvailabilityZone', 'Zones and the hosts in them.'],
  ['os-config-drive', 'ConfigDrive', 'Every server has a config drive.'],
  ['os-console-output', 'ConsoleOutput', 'The log of the serial console.'],
  ['os-extended-availability-zone', 'ExtendedAvailabilityZone', "The zone of a server's host."],
  ['os-extended-server-attributes', 'ExtendedServerAttributes', "A server's host, for admins."],
  ['os-extended-status', 'ExtendedStatus', 'Task, vm and power states.'],
  ['os-flavor-extra-specs', 'FlavorExtraSpecs', 'Extra specs of flavors, read only.'],
  ['os-hypervisors', 'Hypervisors', 'Hosts and their room, for admins.'],
  ['os-keypairs', 'Keypairs', 'SSH keys.'],
  ['os-multiple-create', 'MultipleCreate', 'Several servers in one request.'],
  ['os-pause-server', 'PauseServer', 'Pause and unpause.'],
  ['os-server-start-stop', 'ServerStartStop', 'Start and stop.'],
  ['os-services', 'Services', 'The compute service of each host, for admins.'],
  ['os-user-data', 'UserData', 'Data for the first boot.'],
].map(([alias, name, description]) => ({
  alias,
  name,
  description,
  links: [],
  namespace: 'http://docs.openstack.org/compute/ext/fake_xml',
  updated: '2014-12-03T00:00:00Z',
}));

export const listExtensions: Serve = async () => ({ body: { extensions } });

export const showExtension: Serve = async (_context, request) => {
  const alias = param(request, 'alias');
  const extension = extensions.find((one) => one.alias === alias);
  if (!extension) throw new ShoalError('NOT_FOUND', `Extension ${alias} could not be found.`);
  return { body: { extension } };
};
