/**
 * VMDK, by VMware's "Virtual Disk Format 5.0". Its description names the files that hold the data: only a single
 * file that names nothing but itself is taken.
 */
import { type BytesView, diskBytes } from './bytes-view.ts';
import type { Finding } from './inspect.ts';
import { vmdkDescriptorBytesMax } from './limits.ts';

const sectorBytes = 512;
const at = { capacity: 12, descriptorSector: 28, descriptorSectors: 36 } as const;
const createTypes = ['monolithicSparse', 'streamOptimized'];

const faultOf = (description: string): string | undefined => {
  const createType = /^\s*createType\s*=\s*"?([^"\r\n]*)"?/im.exec(description)?.[1];
  if (createType === undefined) return 'its description has no createType';
  if (!createTypes.includes(createType))
    return `it has the type ${JSON.stringify(createType)}: ${createTypes.join(' and ')} are taken`;
  const parent = /^\s*parentFileNameHint\s*=/im.test(description);
  if (parent) return 'it has a parent file';
  const extents = description.split(/\r?\n/).filter((line) => /^\s*(RW|RDONLY|NOACCESS)\b/i.test(line));
  if (extents.length === 0) return 'its description names no extent';
  if (extents.length > 1) return 'it has several extents';
  const [, kind, name] = /^\s*RW\s+\d+\s+(\w+)\s+"([^"]*)"\s*\d*\s*$/i.exec(extents[0] ?? '') ?? [];
  if (kind?.toUpperCase() !== 'SPARSE' || name === undefined)
    return 'its extent is not a sparse one of its own';
  if (/[/\\]|\.\./.test(name)) return 'its extent has a path';
  return undefined;
};

export const inspectVmdk = (head: BytesView): Finding | undefined => {
  if (/^\s*# Disk DescriptorFile/.test(head.text(0, 64)))
    return {
      format: 'vmdk',
      virtualBytes: null,
      fault: 'it is a description alone, its data is in other files',
    };
  if (head.text(0, 4) !== 'KDMV' && head.text(0, 4) !== 'COWD') return undefined;
  const fail = (fault: string): Finding => ({ format: 'vmdk', virtualBytes: null, fault });
  if (head.text(0, 4) === 'COWD') return fail('it is an ESX sparse disk');
  const sector = head.u64le(at.descriptorSector) ?? 0;
  const sectors = head.u64le(at.descriptorSectors) ?? 0;
  const start = sector * sectorBytes;
  const length = sectors * sectorBytes;
  if (sector === 0 || sectors === 0) return fail('it has no description');
  if (length > vmdkDescriptorBytesMax || start + length > head.length)
    return fail('its description is not at its start');
  const capacity = head.u64le(at.capacity);
  const fault = faultOf(head.text(start, length).replaceAll('\0', ''));
  return {
    format: 'vmdk',
    virtualBytes: diskBytes(capacity === undefined ? undefined : capacity * sectorBytes),
    ...(fault === undefined ? {} : { fault }),
  };
};
