/** What a request for servers says, checked as Nova checks it: pure. Throws BAD_REQUEST. */
import { ShoalError } from '../../proto/error.ts';
import type { CreateServer } from '../../proto/rest/compute/server.ts';
import { GiB } from '../../proto/units.ts';
import { type BootImage, bootFormats, isBootFormat } from './image-files.ts';
import { serversPerRequestMax } from './limits.ts';
import type { Flavor } from './records.ts';

type Asked = CreateServer['server'];

const bad = (message: string): ShoalError => new ShoalError('BAD_REQUEST', message);

export const countsOf = ({ min_count, max_count }: Asked): { readonly min: number; readonly max: number } => {
  const min = Number(min_count ?? 1);
  const max = Number(max_count ?? min_count ?? 1);
  if (min > max) throw bad('min_count must be <= max_count');
  if (max > serversPerRequestMax)
    throw new ShoalError(
      'FORBIDDEN',
      `Quota exceeded for instances: one request makes ${serversPerRequestMax} at most`,
    );
  return { min, max };
};

/** The image's id. There are no volumes yet: the only block device is the image on a local disk. */
export const imageRefOf = ({ imageRef, block_device_mapping, block_device_mapping_v2 }: Asked): string => {
  const noVolumes = 'Block Device Mapping is Invalid: shoal boots servers from an image on a local disk only';
  if (block_device_mapping && block_device_mapping.length > 0) throw bad(noVolumes);
  const devices = block_device_mapping_v2 ?? [];
  const [device] = devices;
  if (device) {
    const isLocalImage =
      devices.length === 1 &&
      device.source_type === 'image' &&
      (device.destination_type ?? 'local') === 'local' &&
      Number(device.boot_index ?? 0) === 0;
    if (!isLocalImage || (imageRef && device.uuid !== imageRef)) throw bad(noVolumes);
  }
  const ref = imageRef || device?.uuid;
  if (!ref) throw bad('Invalid imageRef provided.');
  // Old clients send the image's link.
  return ref.slice(ref.lastIndexOf('/') + 1);
};

/** Does it want a network card? Every host gives its own kind, which leads out and not in; others there are none. */
export const wantsNetwork = ({ networks }: Asked): boolean => {
  if (networks === 'none') return false;
  if (networks === undefined || networks === 'auto') return true;
  for (const { uuid, port, fixed_ip } of networks) {
    if (port) throw new ShoalError('BAD_REQUEST', `Port id ${port} could not be found.`);
    if (uuid && !/^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i.test(uuid))
      throw bad(`Bad networks format: network uuid is not in proper format (${uuid})`);
    if (uuid) throw bad(`Network ${uuid} could not be found.`);
    if (fixed_ip)
      throw bad(`Fixed IP address ${fixed_ip} is not available: shoal has no networks to choose from yet`);
  }
  return true;
};

/** What comes in is shut out, what goes out may: that is Nova's group `default`, and there is no other. */
export const checkSecurityGroups = ({ security_groups }: Asked, projectId: string): void => {
  for (const { name } of security_groups ?? [])
    if (name !== undefined && name !== 'default')
      throw bad(`Security group ${name} not found for project ${projectId}.`);
};

export const checkUserData = ({ user_data, personality }: Asked): void => {
  if (user_data && !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(user_data))
    throw bad('Userdata content cannot be decoded');
  if (personality && personality.length > 0)
    throw bad('Personality is no longer served: pass files as user data');
};

export const checkImageFits = (image: BootImage, flavor: Flavor): void => {
  if (image.status !== 'active' || !image.data) throw bad(`Image ${image.id} is not active.`);
  if (!isBootFormat(image.diskFormat))
    throw bad(
      `Image ${image.id} has the format ${image.diskFormat}: servers boot ${bootFormats.join(' and ')}`,
    );
  if (flavor.memoryMiB < image.minRamMiB) throw bad("Flavor's memory is too small for requested image.");
  const virtualBytes = image.data.virtualBytes ?? image.data.bytes;
  // A flavor without a disk takes the image's size, whatever it is.
  if (flavor.diskGiB === 0) return;
  if (flavor.diskGiB < image.minDiskGiB || flavor.diskGiB * GiB < virtualBytes)
    throw bad(
      `Flavor's disk is too small for requested image. Flavor disk is ${flavor.diskGiB * GiB} bytes, image is ${Math.max(virtualBytes, image.minDiskGiB * GiB)} bytes.`,
    );
};

/** As Nova makes it: the name in lower case without what a host name cannot have. */
export const hostNameOf = (name: string, id: string): string => {
  const clean = name
    .normalize('NFKD')
    .replace(/[ _]/g, '-')
    .replace(/[^\w.-]+/g, '')
    .toLowerCase()
    .replace(/^[.-]+|[.-]+$/g, '')
    .slice(0, 63)
    .replace(/[.-]+$/, '');
  return clean === '' ? `server-${id}` : clean;
};
