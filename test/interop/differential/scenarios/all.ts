import type { Scenario } from '../scenario.ts';
import { config, pinning } from './config.ts';
import { credentials } from './credentials.ts';
import {
  delegationErrors,
  delegationOrder,
  delegationQuestions,
  delegations,
  orphanedDelegation,
} from './delegations.ts';
import { deletion, nestedDeletion } from './delete.ts';
import {
  initAndPublish,
  initWithRootCertificate,
  initWithRootKey,
  unknownRepositories,
} from './init-and-publish.ts';
import {
  keyExport,
  keyGenerate,
  keyImport,
  keyImportUnsafe,
  keyPasswd,
  keyRemove,
  oldLayout,
  prompts,
} from './keys.ts';
import { offline, tls } from './offline.ts';
import { missingKeys, rotation, rotationErrors, rotationToGivenKeys } from './rotation.ts';
import { statusAndReset, unusualChanges } from './status-and-reset.ts';
import { strangeNames, unorderedCustomData } from './strange-names.ts';
import { targetErrors, targets } from './targets.ts';
import { help, usageErrors } from './usage-errors.ts';
import { verify } from './verify.ts';
import { invalidDelegation, witness } from './witness.ts';

export const REPOSITORY_SCENARIOS: readonly Scenario[] = [
  initAndPublish,
  unknownRepositories,
  initWithRootKey,
  initWithRootCertificate,
  targets,
  targetErrors,
  strangeNames,
  unorderedCustomData,
  statusAndReset,
  unusualChanges,
  delegations,
  delegationOrder,
  orphanedDelegation,
  delegationQuestions,
  delegationErrors,
  witness,
  invalidDelegation,
  rotation,
  rotationToGivenKeys,
  deletion,
  nestedDeletion,
];

export const KEY_AND_ERROR_SCENARIOS: readonly Scenario[] = [
  keyGenerate,
  keyImport,
  keyImportUnsafe,
  keyExport,
  keyPasswd,
  keyRemove,
  oldLayout,
  prompts,
  rotationErrors,
  missingKeys,
  verify,
  offline,
  tls,
  credentials,
  config,
  pinning,
  usageErrors,
  help,
];

export const ALL_SCENARIOS: readonly Scenario[] = [
  ...REPOSITORY_SCENARIOS,
  ...KEY_AND_ERROR_SCENARIOS,
];

/** Those in which the server does something new. */
export const EMBEDDED_SERVER_SCENARIOS: readonly Scenario[] = [delegations, rotation, deletion];
