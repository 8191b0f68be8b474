/** An image as Glance shows it. Links have no host and no prefix: clients put their own catalog's URL before them. */
import { type ImageRow, statusOf } from './records.ts';

const timeText = (atMs: number): string => `${new Date(atMs).toISOString().slice(0, 19)}Z`;

export const imageView = (row: ImageRow, nowMs: number): Record<string, unknown> => ({
  ...row.properties,
  name: row.name,
  disk_format: row.diskFormat,
  container_format: row.containerFormat,
  visibility: row.visibility,
  size: row.data?.bytes ?? null,
  virtual_size: row.data?.virtualBytes ?? null,
  status: statusOf(row, nowMs),
  checksum: row.data?.md5 ?? null,
  protected: row.protected,
  min_ram: row.minRamMiB,
  min_disk: row.minDiskGiB,
  owner: row.owner,
  os_hidden: row.hidden,
  os_hash_algo: row.data ? 'sha512' : null,
  os_hash_value: row.data?.sha512 ?? null,
  id: row.id,
  created_at: timeText(row.createdAtMs),
  updated_at: timeText(row.updatedAtMs),
  tags: row.tags,
  self: `/v2/images/${row.id}`,
  file: `/v2/images/${row.id}/file`,
  schema: '/v2/schemas/image',
});
