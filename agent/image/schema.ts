/** The JSON schemas that clients fetch to learn which properties an image has. */
import { containerFormats, diskFormats, visibilities } from './properties.ts';

const text = (description: string, more: object = {}): object => ({ type: 'string', description, ...more });
const maybeText = (description: string, more: object = {}): object => ({
  type: ['null', 'string'],
  description,
  ...more,
});
const readOnly = { readOnly: true };

const properties = {
  id: text('An identifier for the image', {
    pattern: '^([0-9a-fA-F]){8}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){4}-([0-9a-fA-F]){12}$',
  }),
  name: maybeText('Descriptive name for the image', { maxLength: 255 }),
  status: text('Status of the image', {
    ...readOnly,
    enum: [
      'queued',
      'saving',
      'active',
      'killed',
      'deleted',
      'uploading',
      'importing',
      'pending_delete',
      'deactivated',
    ],
  }),
  visibility: text('Scope of image accessibility', { enum: visibilities }),
  protected: { type: 'boolean', description: 'If true, image will not be deletable.' },
  os_hidden: {
    type: 'boolean',
    description: 'If true, image will not appear in default image list response.',
  },
  checksum: maybeText('md5 hash of image contents.', { ...readOnly, maxLength: 32 }),
  os_hash_algo: maybeText('Algorithm to calculate the os_hash_value', { ...readOnly, maxLength: 64 }),
  os_hash_value: maybeText(
    'Hexdigest of the image contents using the algorithm specified by the os_hash_algo',
    {
      ...readOnly,
      maxLength: 128,
    },
  ),
  owner: maybeText('Owner of the image', { maxLength: 255 }),
  size: { type: ['null', 'integer'], description: 'Size of image file in bytes', ...readOnly },
  virtual_size: { type: ['null', 'integer'], description: 'Virtual size of image in bytes', ...readOnly },
  container_format: maybeText('Format of the container', { enum: [null, ...containerFormats] }),
  disk_format: maybeText('Format of the disk', { enum: [null, ...diskFormats] }),
  created_at: text('Date and time of image registration', readOnly),
  updated_at: text('Date and time of the last image modification', readOnly),
  tags: {
    type: 'array',
    description: 'List of strings related to the image',
    items: { type: 'string', maxLength: 255 },
  },
  direct_url: text('URL to access the image file kept in external store', readOnly),
  min_ram: { type: 'integer', description: 'Amount of ram (in MB) required to boot image.' },
  min_disk: { type: 'integer', description: 'Amount of disk space (in GB) required to boot image.' },
  self: text('An image self url', readOnly),
  file: text('An image file url', readOnly),
  schema: text('An image schema url', readOnly),
} as const;

const links = [
  { rel: 'self', href: '{self}' },
  { rel: 'enclosure', href: '{file}' },
  { rel: 'describedby', href: '{schema}' },
];

const image = { name: 'image', properties, additionalProperties: { type: 'string' }, links };

export const schemas: Readonly<Record<string, object>> = {
  image,
  images: {
    name: 'images',
    properties: {
      images: { type: 'array', items: image },
      first: { type: 'string' },
      next: { type: 'string' },
      schema: { type: 'string' },
    },
    links: [
      { rel: 'first', href: '{first}' },
      { rel: 'next', href: '{next}' },
      { rel: 'describedby', href: '{schema}' },
    ],
  },
};
