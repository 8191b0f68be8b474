/** `GET /info`: limits and features, for clients to ask before they use them. */
import type { Code } from '../../../proto/policy.ts';
import {
  bulkDeletesMax,
  bulkFailuresMax,
  containerNameBytesMax,
  heartbeatMs,
  linksMax,
  listingNamesMax,
  manifestBytesMax,
  manifestSegmentsMax,
  metadataBytesMax,
  metadataCountMax,
  metadataNameBytesMax,
  metadataValueBytesMax,
  objectBytesMax,
  objectNameBytesMax,
  rateWaitMs,
  segmentsMax,
} from '../limits.ts';
import { policyDefault, policyNames } from '../policy.ts';
import type { RateLimits } from '../rates.ts';
import { digestNames } from '../signature.ts';
import { tempUrlMethods } from './temp-url.ts';

/** Of this host: what its operator bounds is told, the rest is not. */
const rateLimitOf = ({ account, container }: RateLimits) =>
  account === undefined && container === undefined
    ? {}
    : {
        ratelimit: {
          account_ratelimit: account ?? 0,
          max_sleep_time_seconds: rateWaitMs / 1000,
          container_ratelimits: container === undefined ? [] : [[0, container]],
          container_listing_ratelimits: [],
        },
      };

export const infoOf = (rateLimits: RateLimits, kept: readonly Code[]) => ({
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
    account_acls: true,
    strict_cors_mode: true,
    policies: policyNames(kept).map((name) => ({
      name,
      aliases: name,
      ...(name === policyDefault && { default: true }),
    })),
  },
  account_quotas: {},
  bulk_delete: { max_deletes_per_request: bulkDeletesMax, max_failed_deletes: bulkFailuresMax },
  bulk_upload: { max_containers_per_extraction: bulkDeletesMax, max_failed_extractions: bulkFailuresMax },
  container_quotas: {},
  crossdomain: {},
  dlo: { max_segments: segmentsMax },
  formpost: { allowed_digests: digestNames },
  object_versioning: {},
  ...rateLimitOf(rateLimits),
  slo: {
    max_manifest_segments: manifestSegmentsMax,
    max_manifest_size: manifestBytesMax,
    min_segment_size: 1,
    yield_frequency: heartbeatMs / 1000,
    allow_async_delete: false,
  },
  symlink: { symloop_max: linksMax, static_links: true },
  staticweb: {},
  // That is, `/auth/v1.0`, and lists of an account.
  tempauth: { account_acls: true },
  tempurl: {
    methods: tempUrlMethods,
    allowed_digests: digestNames,
    incoming_remove_headers: [],
    incoming_allow_headers: [],
    outgoing_remove_headers: ['x-object-meta-*'],
    outgoing_allow_headers: ['x-object-meta-public-*'],
  },
  versioned_writes: { allowed_flags: ['x-versions-location', 'x-history-location'] },
});
