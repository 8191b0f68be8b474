/**
 * Which cloud, and as whom: `clouds.yaml` and `OS_*`, read as the OpenStack clients read them.
 * Order: `--data DIR` (its clouds.yaml), `--cloud` or OS_CLOUD with OS_CLIENT_CONFIG_FILE, ./clouds.yaml,
 * ~/.config/openstack/clouds.yaml, /etc/openstack/clouds.yaml; else OS_AUTH_URL and its companions; else the
 * installed host's own /var/lib/shoal/clouds.yaml.
 */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ShoalError } from '../proto/error.ts';

export interface Cloud {
  readonly authUrl: string;
  readonly username: string;
  readonly password: string;
  readonly userDomain: string;
  readonly projectName: string | undefined;
  readonly projectDomain: string;
}

export interface CloudChoice {
  readonly cloud?: string;
  readonly data?: string;
}

/** Where an installed host keeps its data. */
export const installedData = '/var/lib/shoal';

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;
const text = (value: unknown): string | undefined =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : undefined;

const fromFields = (source: string, auth: Fields): Cloud => {
  const need = (name: string): string => {
    const value = text(auth[name]);
    if (value === undefined)
      throw new ShoalError('BAD_REQUEST', `Cannot log in with ${source}: ${name} is missing`);
    return value;
  };
  return {
    authUrl: need('auth_url').replace(/\/+$/, ''),
    username: need('username'),
    password: need('password'),
    userDomain: text(auth.user_domain_name) ?? text(auth.user_domain_id) ?? 'Default',
    projectName: text(auth.project_name),
    projectDomain: text(auth.project_domain_name) ?? text(auth.project_domain_id) ?? 'Default',
  };
};

const readClouds = (file: string): Fields => {
  let found: unknown;
  try {
    found = parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new ShoalError('BAD_REQUEST', `Cannot read ${file}: ${why}`, { cause });
  }
  const clouds = isFields(found) ? found.clouds : undefined;
  return isFields(clouds) ? clouds : {};
};

const fromFile = (file: string, name: string): Cloud => {
  const clouds = readClouds(file);
  const found = clouds[name] as { readonly auth?: Fields } | null | undefined;
  if (!found)
    throw new ShoalError(
      'BAD_REQUEST',
      `Cannot use cloud "${name}": ${file} has ${Object.keys(clouds).join(', ') || 'none'}`,
    );
  return fromFields(`cloud "${name}" of ${file}`, isFields(found.auth) ? found.auth : {});
};

export const readCloud = ({ cloud, data }: CloudChoice, env: NodeJS.ProcessEnv = process.env): Cloud => {
  if (data !== undefined) {
    const file = join(data, 'clouds.yaml');
    if (!existsSync(file))
      throw new ShoalError('NOT_FOUND', `Cannot use --data ${data}: it has no clouds.yaml`);
    return fromFile(file, cloud ?? 'shoal');
  }
  const name = cloud ?? env.OS_CLOUD;
  if (name === undefined && env.OS_AUTH_URL !== undefined)
    return fromFields(
      'OS_*',
      Object.fromEntries(
        Object.entries(env).flatMap(([key, value]) =>
          key.startsWith('OS_') ? [[key.slice(3).toLowerCase(), value]] : [],
        ),
      ),
    );
  const places = [
    env.OS_CLIENT_CONFIG_FILE,
    'clouds.yaml',
    join(homedir(), '.config/openstack/clouds.yaml'),
    '/etc/openstack/clouds.yaml',
    join(installedData, 'clouds.yaml'),
  ];
  const file = places.find((place) => place !== undefined && existsSync(place));
  if (file === undefined)
    throw new ShoalError(
      'BAD_REQUEST',
      'Cannot tell which cloud to use: give --data DIR, or --cloud NAME with a clouds.yaml, or set OS_AUTH_URL, OS_USERNAME, OS_PASSWORD',
    );
  return fromFile(file, name ?? 'shoal');
};
