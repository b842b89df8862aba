import { argoApiContract } from '../../src/testing/argo-api-contract.ts';
import { memorySubject } from '../support/transport-subject.ts';

argoApiContract('the custom resources, over an API server in memory', () => memorySubject('crd'));
argoApiContract('the Argo Server in memory', () => memorySubject('server'));
