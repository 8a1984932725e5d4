/** X.509 certificates: reading, judging, making, and following chains. */
export {
  certificateInText,
  parseCertificateBundle,
  signerCertificate,
  splitRootBundle,
} from './certificate-bundle.ts';
export { certificateChainProblem, verifyChain } from './certificate-chain.ts';
export {
  type CertificateOptions,
  makeCertificate,
  makeRootCertificate,
  type RootCertificateOptions,
} from './certificate-make.ts';
export { type Certificate, parseCertificateDer } from './certificate-parse.ts';
export {
  type CertificateProblem,
  certificateProblem,
  certificateProblemText,
} from './certificate-problem.ts';
