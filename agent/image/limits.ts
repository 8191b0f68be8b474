/** Every bound of the image service. Rows of docs/LIMITS.md. */
import { GiB, KiB, secondMs } from '../../proto/units.ts';

/** One image, Glance's `image_size_cap`: 1 TiB. */
export const imageBytesMax = 1024 * GiB;

/** Chunks listed in one row of an image's manifest: some 320 KiB a row, 16 GiB of image. */
export const manifestChunksMax = 4096;
/** Rows of a manifest fetched at a time: all of an image of 256 GiB, and 5 MiB at most. */
export const manifestRowsMax = 16;

/** Bytes at the start of a stream that are looked at before the first of them is stored. An ISO's mark stands at 32 KiB. */
export const headBytesMax = 64 * KiB;
/** The footer of a fixed VHD is the only thing that tells it from a raw disk. */
export const tailBytesMax = 512;
/** A VMDK's embedded description, 20 sectors in what VMware writes. */
export const vmdkDescriptorBytesMax = 16 * KiB;

/** Images in one answer, by default and at most: Glance's `limit_param_default` and `api_limit_max`. */
export const listImagesDefault = 25;
export const listImagesMax = 1000;
/** Rows fetched at a time when a list is made: 1 to 2 KiB each. */
export const listPageRows = 500;

/** Glance's own: names, property names, tags. */
export const textCharsMax = 255;
/** A property's value, Glance's column is a text of 64 KiB; rows here stay small. */
export const propertyValueCharsMax = 8 * KiB;
/** Glance's `image_property_quota` and `image_tag_quota`. */
export const propertiesMax = 128;
export const tagsMax = 128;

/** An upload says this often that it is alive ... */
export const uploadRenewMs = 10 * secondMs;
/** ... and is taken for dead after this long: its host was killed or cut off. Clocks may differ by some seconds. */
export const uploadLeaseMs = 60 * secondMs;
/** A deletion whose agent was killed is finished by whoever lists images this much later. */
export const deletionGraceMs = 60 * secondMs;
/** Deletions that one list finishes on the way. */
export const deletionsFinishedMax = 8;
