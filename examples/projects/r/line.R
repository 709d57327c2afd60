# Fit a line to numbers that are made up, and print its slope. It runs by itself too: Rscript line.R

words <- commandArgs(trailingOnly = TRUE)
rows <- if (length(words) > 0) as.integer(words[[1]]) else 20L
label <- if (length(words) > 1) words[[2]] else "a line"
set.seed(7)
x <- seq_len(rows)
y <- 2 * x + rnorm(rows, sd = 0.1)
fit <- lm(y ~ x)
cat(sprintf("%s: slope %.1f, run %s\n", label, coef(fit)[["x"]], Sys.getenv("MLFLOW_RUN_ID")))
