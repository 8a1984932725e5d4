/**
 * Environment of tests that make keys which are of no worth: their files get Notary's few rounds of derivation,
 * not the many of real ones. Whether the old programs read the real ones is tested in `interop/hardened-keys.test.ts`.
 */
export const QUICK_KEYS = { TABELLION_KDF_ROUNDS: '2048' } as const;
