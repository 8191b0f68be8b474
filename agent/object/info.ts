/** `GET /info`: limits and features, for clients to ask before they use them. */
import {
  containerNameBytesMax,
  listingNamesMax,
  metadataBytesMax,
  metadataCountMax,
  metadataNameBytesMax,
  metadataValueBytesMax,
  objectBytesMax,
  objectNameBytesMax,
  segmentsMax,
} from './limits.ts';
import { policyName } from './policy.ts';

export const infoOf = () => ({
  swift: {
    version: 'shoal',
    account_autocreate: true,
    allow_account_management: false,
    account_listing_limit: listingNamesMax,
    container_listing_limit: listingNamesMax,
    max_account_name_length: 256,
    max_container_name_length: containerNameBytesMax,
    max_object_name_length: objectNameBytesMax,
    max_file_size: objectBytesMax,
    max_meta_count: metadataCountMax,
    max_meta_name_length: metadataNameBytesMax,
    max_meta_overall_size: metadataBytesMax,
    max_meta_value_length: metadataValueBytesMax,
    policies: [{ name: policyName, default: true }],
  },
  account_quotas: {},
  dlo: { max_segments: segmentsMax },
  container_quotas: {},
});
