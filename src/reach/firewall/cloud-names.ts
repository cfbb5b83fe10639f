// Apart from what uses it, so that help and completion need not load it.

/** What `--cloud` takes. */
export const CLOUDS = ['gcp', 'aws', 'azure', 'nftables', 'lab'] as const;
