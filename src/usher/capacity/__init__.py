"""What a sale will take: a model of load and limits, fed with unit costs that were measured."""
