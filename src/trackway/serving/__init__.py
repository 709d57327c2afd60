"""The scoring server: one model behind HTTP, in MLflow's protocol and in the Open Inference Protocol."""
