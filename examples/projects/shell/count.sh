#!/usr/bin/env bash
echo "run ${TRACKWAY_RUN_ID:-$MLFLOW_RUN_ID}"
ls | wc -l
