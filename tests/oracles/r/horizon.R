# Performance of a Cox predictor at a horizon, by R's survival package and explicit loops. Run: Rscript horizon.R > horizon.json
suppressMessages(library(survival))
one <- function(name, time, event, eta, horizon, thresholds) {
  n <- length(time)
  # not being censored: events leave before censorings of the same time, G just before a time
  G <- function(t) { g <- 1
    for (s in sort(unique(time[event == 0 & time < t])))
      g <- g * (1 - sum(time == s & event == 0) / (sum(time > s) + sum(time == s & event == 0)))
    g }
  case <- ifelse(event == 1 & time <= horizon, 1 / sapply(time, G), 0)
  control <- ifelse(time > horizon | (time == horizon & event == 0), 1 / G(horizon), 0)
  won <- 0
  for (i in 1:n) for (j in 1:n)
    won <- won + case[i] * control[j] * ((eta[i] > eta[j]) + 0.5 * (eta[i] == eta[j]))
  auc <- won / (sum(case) * sum(control))
  fit <- coxph(Surv(time, event) ~ eta, init = 1, iter.max = 0, ties = "breslow")
  base <- basehaz(fit, centered = FALSE)
  H0 <- max(c(0, base$hazard[base$time <= horizon]))
  risk <- 1 - exp(-H0 * exp(eta))
  km <- function(in_group) summary(survfit(Surv(time[in_group], event[in_group]) ~ 1), times = horizon)$surv
  brier <- sum(case * (1 - risk)^2 + control * risk^2) / n
  free <- km(rep(TRUE, n))
  alike <- sum(case * free^2 + control * (1 - free)^2) / n
  benefit <- sapply(thresholds, function(t) { in_group <- risk >= t
    (1 - km(in_group)) * mean(in_group) - km(in_group) * mean(in_group) * t / (1 - t) })
  uno <- concordance(Surv(time, event) ~ eta, timewt = "n/G2", reverse = TRUE, ymax = horizon)
  harrell <- concordance(Surv(time, event) ~ eta, reverse = TRUE)
  put <- function(key, x) sprintf('"%s": [%s]', key, paste(sprintf("%.15g", x), collapse = ", "))
  cat(sprintf('"%s": {\n  ', name), paste(c(put("time", time), put("event", event), put("eta", eta), put("horizon", horizon),
    put("thresholds", thresholds), put("auc", auc), put("risk", risk), put("brier", brier), put("scaled_brier", 1 - brier / alike),
    put("observed_to_expected", (1 - free) / mean(risk)), put("net_benefit", benefit),
    put("uno_c", uno$concordance), put("c", harrell$concordance)), collapse = ",\n  "), "\n}", sep = "")
}
set.seed(5, kind = "Mersenne-Twister")
n <- 60
eta <- round(rnorm(n), 2)
event_time <- rexp(n, 0.004 * exp(eta)); censor <- runif(n, 30, 500)
cat("{\n")
one("distinct times", round(pmin(event_time, censor), 3), as.integer(event_time <= censor), eta, 200, c(0.2, 0.5))
cat(",\n")
eta <- round(rnorm(n), 1)
event_time <- rexp(n, 0.004 * exp(0.5 * eta)); censor <- runif(n, 30, 500)
one("tied times", ceiling(pmin(event_time, censor) / 30) * 30, as.integer(event_time <= censor), eta, 180, c(0.2, 0.5))
cat("\n}\n")
