/**
 * What a path names. Swift decodes the whole path first and cuts it at its slashes then, so `%2F` in a
 * container's segment separates too, and an object's name may hold (and begin or end with) any number of them.
 */
import { ShoalError } from '../../proto/error.ts';
import { containerNameBytesMax, objectNameBytesMax } from './limits.ts';

export interface ObjectPath {
  /** Without the prefix `AUTH_`: a project's id. */
  readonly project: string;
  readonly container: string;
  readonly object: string;
}

const accountPrefix = 'AUTH_';
const bytesOf = (text: string): number => Buffer.byteLength(text);

const refuse = (message: string): never => {
  throw new ShoalError('BAD_REQUEST', message);
};

/** Throws PRECONDITION_FAILED on what is no text; NUL separates names from what the store adds to them. */
const checkText = (text: string): string => {
  if (!text.isWellFormed() || text.includes('\0'))
    throw new ShoalError('PRECONDITION_FAILED', 'Invalid UTF8 or contains NULL');
  return text;
};

const checkContainerName = (name: string): string => {
  checkText(name);
  if (bytesOf(name) > containerNameBytesMax)
    refuse(`Container name length of ${bytesOf(name)} longer than ${containerNameBytesMax}`);
  if (name === '' || name.includes('/'))
    refuse(`Cannot use ${JSON.stringify(name)} as a container name: it has no slash and is not empty`);
  return name;
};

const checkObjectName = (name: string): string => {
  checkText(name);
  if (bytesOf(name) > objectNameBytesMax)
    refuse(`Object name length of ${bytesOf(name)} longer than ${objectNameBytesMax}`);
  if (name === '') refuse('Cannot use "" as an object name: it is not empty');
  return name;
};

/** The project of `AUTH_<project>`. Throws NOT_FOUND for any other account: there is no such thing here. */
export const projectOf = (account: string): string => {
  const project = account.startsWith(accountPrefix) ? account.slice(accountPrefix.length) : '';
  if (project === '' || !/^[\w.-]{1,64}$/.test(project))
    throw new ShoalError(
      'NOT_FOUND',
      `There is no account ${JSON.stringify(account)}: it is AUTH_<project id>`,
    );
  return project;
};

export const accountOf = (project: string): string => `${accountPrefix}${project}`;

/** `container/object` as headers carry it: percent-encoded, the object's slashes left. */
export const encodePath = ({ container, object }: Omit<ObjectPath, 'project'>): string =>
  `${encodeURIComponent(container)}/${encodeURIComponent(object).replaceAll('%2F', '/')}`;

/** The whole path, as Swift's own answers tell it. */
export const encodeWhole = (path: ObjectPath): string => `/v1/${accountOf(path.project)}/${encodePath(path)}`;

/** The parts of a request's path; container and object are '' where the path ends before them. */
export const parsePath = (params: Readonly<Record<string, string>>): ObjectPath => {
  const whole = [params.account ?? '', params.container, params['*']]
    .filter((part) => part !== undefined)
    .join('/');
  checkText(whole);
  const [account = '', container = '', ...rest] = whole.split('/');
  return { project: projectOf(account), container, object: rest.join('/') };
};

/** `container/prefix` of an X-Object-Manifest header, percent-encoded. Throws BAD_REQUEST, PRECONDITION_FAILED. */
export const parseManifest = (value: string): { readonly container: string; readonly prefix: string } => {
  const wish = 'X-Object-Manifest must be in the format container/prefix';
  let text: string;
  try {
    text = decodeURIComponent(value);
  } catch (cause) {
    throw new ShoalError('BAD_REQUEST', wish, { cause });
  }
  const [, container = '', prefix = ''] = /^\/?([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (container === '' || prefix === '' || /[?&]/.test(value)) return refuse(wish);
  return { container: checkContainerName(container), prefix: checkText(prefix) };
};

/** `container/object` of a Destination or X-Copy-From header: percent-encoded, one slash in front is allowed. */
export const parseCopyPath = (header: string, value: string): { container: string; object: string } => {
  const wish = `${header} header must be of the form <container name>/<object name>`;
  let text: string;
  try {
    text = decodeURIComponent(value);
  } catch (cause) {
    throw new ShoalError('PRECONDITION_FAILED', wish, { cause });
  }
  const [, container = '', object = ''] = /^\/?([^/]+)\/(.+)$/s.exec(text) ?? [];
  if (container === '' || object === '') throw new ShoalError('PRECONDITION_FAILED', wish);
  return { container: checkContainerName(container), object: checkObjectName(object) };
};

/** A container's name in a header, percent-encoded. Throws BAD_REQUEST, PRECONDITION_FAILED. */
export const parseContainerName = (value: string): string => {
  let text: string;
  try {
    text = decodeURIComponent(value);
  } catch (cause) {
    throw new ShoalError('BAD_REQUEST', `Cannot read ${JSON.stringify(value)} as a container's name`, {
      cause,
    });
  }
  return checkContainerName(text.replace(/\/+$/, ''));
};

/** The bounds on both names, where they are. */
export const checkPath = (path: ObjectPath): ObjectPath => {
  if (path.container !== '') checkContainerName(path.container);
  if (path.object !== '') checkObjectName(path.object);
  return path;
};
