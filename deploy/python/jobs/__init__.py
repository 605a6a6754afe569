"""What every program that runs as a job has: its spec, its refusal, its exit codes, its durable results."""
