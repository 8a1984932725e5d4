/**
 * Tabellion as a library: what other programs may rely on. Everything else may change without notice.
 */
export {
  ConnectionError,
  KeyError,
  OperationError,
  TabellionError,
  TrustError,
  UsageError,
} from './errors.ts';
export {
  type BackupReport,
  type CreateBackupRequest,
  createBackup,
} from './operations/backup/create-backup.ts';
export {
  type BackupSecret,
  type OpenedBackup,
  openBackup,
} from './operations/backup/open-backup.ts';
export {
  type RestoreOptions,
  type RestoreReport,
  restoreBackup,
} from './operations/backup/restore-backup.ts';
export { decodeShare, type Share } from './operations/backup/shares.ts';
export { type BackupVerification, verifyBackup } from './operations/backup/verify-backup.ts';
export { type InspectRequest, type InspectResult, inspect } from './operations/inspect.ts';
export { type BlastRadius, blastRadius } from './operations/inventory/blast-radius.ts';
export {
  type Inventory,
  type InventoryRequest,
  inventory,
} from './operations/inventory/inventory.ts';
export {
  type GeneratedKey,
  type GenerateKeyRequest,
  generateKey,
} from './operations/keys/key-generate.ts';
export { type KeyList, listKeys } from './operations/keys/key-list.ts';
export { type PushReport, type PushRequest, push } from './operations/push/push.ts';
export { type Renewal, type RenewRequest, renewAll } from './operations/renewal/renew.ts';
export { type RevokeReport, type RevokeRequest, revoke } from './operations/revoke.ts';
export { type RunningServer, type ServeRequest, serve } from './operations/serve.ts';
export {
  openSession,
  type PassphrasePrompt,
  type PassphraseQuestion,
  type ProgressEvent,
  Session,
  type SessionOptions,
} from './operations/session.ts';
export { type ImageSource, type SignReport, type SignRequest, sign } from './operations/sign.ts';
export {
  type ThumbprintReport,
  type ThumbprintRequest,
  thumbprints,
} from './operations/thumbprints/thumbprint.ts';
export { type VerifyRequest, type VerifyResult, verify } from './operations/verify.ts';
