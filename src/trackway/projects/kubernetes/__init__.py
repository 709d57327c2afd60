"""The backend that runs a job in a Kubernetes cluster, as a Job of one container.

The project's code goes with it as a Secret of the job's own, which is unpacked before the command begins; or is in the
image already. What is secret among its variables is in that Secret, too, and never in the manifest.
"""

from __future__ import annotations

from trackway.projects.kubernetes.backend import KubernetesBackend

__all__ = ["KubernetesBackend"]
