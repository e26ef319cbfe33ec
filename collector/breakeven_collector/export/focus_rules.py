"""What FOCUS 1.2 asks of a dataset of cost and usage, column by column.

Source: the requirements model 1.2.0.1 that the FinOps Foundation's validator reads
(https://github.com/finopsfoundation/focus_validator, rules/model-1.2.0.1.json); the names of rules are its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What the values of a column are."""

    DECIMAL = "decimal"
    DATE_TIME = "date and time"
    STRING = "string"
    KEY_VALUE = "JSON object"


@dataclass(frozen=True)
class Column:
    """A column of the specification.

    Attributes:
        kind: What its values are.
        mandatory: Rule that wants it in every dataset; empty: it may be missing, where what it is for is not there.
        not_null: Rule that wants a value in every row; empty: there need not be one.
        allowed: The only values; empty: any.
    """

    kind: Kind = Kind.STRING
    mandatory: str = ""
    not_null: str = ""
    allowed: tuple[str, ...] = ()


_DECIMAL: Final = Kind.DECIMAL
_TIME: Final = Kind.DATE_TIME

COLUMNS: Final[Mapping[str, Column]] = {
    "AvailabilityZone": Column(),
    "BilledCost": Column(_DECIMAL, mandatory="CostAndUsage-D-006-M", not_null="BilledCost-C-003-M"),
    "BillingAccountId": Column(mandatory="CostAndUsage-D-024-M", not_null="BillingAccountId-C-001-M"),
    "BillingAccountName": Column(mandatory="CostAndUsage-D-005-M", not_null="BillingAccountName-C-003-C"),
    "BillingAccountType": Column(),
    "BillingCurrency": Column(mandatory="CostAndUsage-D-035-M", not_null="BillingCurrency-C-004-M"),
    "BillingPeriodEnd": Column(_TIME, mandatory="CostAndUsage-D-010-M", not_null="BillingPeriodEnd-C-003-M"),
    "BillingPeriodStart": Column(_TIME, mandatory="CostAndUsage-D-009-M", not_null="BillingPeriodStart-C-003-M"),
    "CapacityReservationId": Column(),
    "CapacityReservationStatus": Column(allowed=("Used", "Unused")),
    "ChargeCategory": Column(
        mandatory="CostAndUsage-D-008-M",
        not_null="ChargeCategory-C-002-M",
        allowed=("Usage", "Purchase", "Tax", "Credit", "Adjustment"),
    ),
    "ChargeClass": Column(mandatory="CostAndUsage-D-026-M", allowed=("Correction",)),
    "ChargeDescription": Column(mandatory="CostAndUsage-D-025-M"),
    "ChargeFrequency": Column(not_null="ChargeFrequency-C-002-M", allowed=("One-Time", "Recurring", "Usage-Based")),
    "ChargePeriodEnd": Column(_TIME, mandatory="CostAndUsage-D-028-M", not_null="ChargePeriodEnd-C-003-M"),
    "ChargePeriodStart": Column(_TIME, mandatory="CostAndUsage-D-037-M", not_null="ChargePeriodStart-C-003-M"),
    "CommitmentDiscountCategory": Column(allowed=("Spend", "Usage")),
    "CommitmentDiscountId": Column(),
    "CommitmentDiscountName": Column(),
    "CommitmentDiscountQuantity": Column(_DECIMAL),
    "CommitmentDiscountStatus": Column(allowed=("Used", "Unused")),
    "CommitmentDiscountType": Column(),
    "CommitmentDiscountUnit": Column(),
    "ConsumedQuantity": Column(_DECIMAL),
    "ConsumedUnit": Column(),
    "ContractedCost": Column(_DECIMAL, mandatory="CostAndUsage-D-030-M", not_null="ContractedCost-C-003-M"),
    "ContractedUnitPrice": Column(_DECIMAL),
    "EffectiveCost": Column(_DECIMAL, mandatory="CostAndUsage-D-031-M", not_null="EffectiveCost-C-003-M"),
    "InvoiceId": Column(),
    "InvoiceIssuerName": Column(mandatory="CostAndUsage-D-023-M", not_null="InvoiceIssuerName-C-003-M"),
    "ListCost": Column(_DECIMAL, mandatory="CostAndUsage-D-032-M", not_null="ListCost-C-003-M"),
    "ListUnitPrice": Column(_DECIMAL),
    "PricingCategory": Column(allowed=("Standard", "Committed", "Dynamic", "Other")),
    "PricingCurrency": Column(not_null="PricingCurrency-C-004-M"),
    "PricingCurrencyContractedUnitPrice": Column(_DECIMAL),
    "PricingCurrencyEffectiveCost": Column(_DECIMAL, not_null="PricingCurrencyEffectiveCost-C-003-M"),
    "PricingCurrencyListUnitPrice": Column(_DECIMAL),
    "PricingQuantity": Column(_DECIMAL, mandatory="CostAndUsage-D-036-M"),
    "PricingUnit": Column(mandatory="CostAndUsage-D-068-M"),
    "ProviderName": Column(mandatory="CostAndUsage-D-038-M", not_null="ProviderName-C-003-M"),
    "PublisherName": Column(mandatory="CostAndUsage-D-021-M", not_null="PublisherName-C-003-M"),
    "RegionId": Column(),
    "RegionName": Column(),
    "ResourceId": Column(),
    "ResourceName": Column(),
    "ResourceType": Column(),
    "ServiceCategory": Column(mandatory="CostAndUsage-D-040-M", not_null="ServiceCategory-C-002-M"),
    "ServiceName": Column(mandatory="CostAndUsage-D-041-M", not_null="ServiceName-C-003-M"),
    "ServiceSubcategory": Column(not_null="ServiceSubcategory-C-002-M"),
    "SkuId": Column(),
    "SkuMeter": Column(),
    "SkuPriceDetails": Column(Kind.KEY_VALUE),
    "SkuPriceId": Column(),
    "SubAccountId": Column(),
    "SubAccountName": Column(),
    "SubAccountType": Column(),
    "Tags": Column(Kind.KEY_VALUE),
}

SERVICES: Final[Mapping[str, tuple[str, ...]]] = {
    "AI and Machine Learning": (
        "AI Platforms",
        "Bots",
        "Generative AI",
        "Machine Learning",
        "Natural Language Processing",
        "Other (AI and Machine Learning)",
    ),
    "Analytics": (
        "Analytics Platforms",
        "Business Intelligence",
        "Data Processing",
        "Search",
        "Streaming Analytics",
        "Other (Analytics)",
    ),
    "Business Applications": ("Productivity and Collaboration", "Other (Business Applications)"),
    "Compute": (
        "Containers",
        "End User Computing",
        "Quantum Compute",
        "Serverless Compute",
        "Virtual Machines",
        "Other (Compute)",
    ),
    "Databases": (
        "Caching",
        "Data Warehouses",
        "Ledger Databases",
        "NoSQL Databases",
        "Relational Databases",
        "Time Series Databases",
        "Other (Databases)",
    ),
    "Developer Tools": (
        "Developer Platforms",
        "Continuous Integration and Deployment",
        "Development Environments",
        "Source Code Management",
        "Quality Assurance",
        "Other (Developer Tools)",
    ),
    "Identity": ("Identity and Access Management", "Other (Identity)"),
    "Integration": ("API Management", "Messaging", "Workflow Orchestration", "Other (Integration)"),
    "Internet of Things": ("IoT Analytics", "IoT Platforms", "Other (Internet of Things)"),
    "Management and Governance": (
        "Architecture",
        "Compliance",
        "Cost Management",
        "Data Governance",
        "Disaster Recovery",
        "Endpoint Management",
        "Observability",
        "Support",
        "Other (Management and Governance)",
    ),
    "Media": ("Content Creation", "Gaming", "Media Streaming", "Mixed Reality", "Other (Media)"),
    "Migration": ("Data Migration", "Resource Migration", "Other (Migration)"),
    "Mobile": ("Other (Mobile)",),
    "Multicloud": ("Multicloud Integration", "Other (Multicloud)"),
    "Networking": (
        "Application Networking",
        "Content Delivery",
        "Network Connectivity",
        "Network Infrastructure",
        "Network Routing",
        "Network Security",
        "Other (Networking)",
    ),
    "Security": (
        "Secret Management",
        "Security Posture Management",
        "Threat Detection and Response",
        "Other (Security)",
    ),
    "Storage": (
        "Backup Storage",
        "Block Storage",
        "File Storage",
        "Object Storage",
        "Storage Platforms",
        "Other (Storage)",
    ),
    "Web": ("Application Platforms", "Other (Web)"),
    "Other": ("Other (Other)",),
}
"""ServiceCategory → values of ServiceSubcategory."""

NEEDS: Final[Mapping[str, str]] = {
    "ConsumedUnit": "ConsumedQuantity",
    "PricingUnit": "PricingQuantity",
    "SubAccountName": "SubAccountId",
    "RegionName": "RegionId",
    "BillingAccountType": "BillingAccountId",
}
"""Column → the column that it has a value with, and only with."""

ONLY_WITH: Final[Mapping[str, str]] = {
    "SkuMeter": "SkuId",
    "SkuPriceDetails": "SkuPriceId",
    "ResourceName": "ResourceId",
    "CommitmentDiscountName": "CommitmentDiscountId",
    "CommitmentDiscountType": "CommitmentDiscountId",
}
"""Column → the column without which it has no value."""

OF_USAGE: Final[Mapping[str, tuple[str, str]]] = {
    "ListUnitPrice": ("ListUnitPrice-C-005-C", "ListUnitPrice-C-004-C"),
    "ContractedUnitPrice": ("ContractedUnitPrice-C-006-C", "ContractedUnitPrice-C-005-C"),
    "PricingQuantity": ("PricingQuantity-C-005-C", "PricingQuantity-C-004-C"),
    "PricingCategory": ("PricingCategory-C-004-C", "PricingCategory-C-003-C"),
    "SkuId": ("SkuId-C-005-C", "SkuId-C-004-C"),
    "SkuPriceId": ("SkuPriceId-C-005-C", "SkuPriceId-C-004-C"),
}
"""Column → rule that wants a value for usage and purchases, and rule that wants none for taxes."""

PRODUCTS: Final = (
    ("ListUnitPrice", "ListCost", "ListUnitPrice-C-010-C"),
    ("ContractedUnitPrice", "ContractedCost", "ContractedUnitPrice-C-011-C"),
)
"""Unit price that, times PricingQuantity, is the cost; and the rule."""

NOT_NEGATIVE: Final[Mapping[str, str]] = {
    "ListUnitPrice": "ListUnitPrice-C-008-M",
    "ContractedUnitPrice": "ContractedUnitPrice-C-009-C",
}

ONE_OF: Final = (
    ("SkuPriceId", "SkuId", "SkuPriceId-C-008-M"),
    ("ServiceName", "ServiceCategory", "ServiceName-C-005-C"),
)
"""Each value of the first goes with one value of the second, and the rule."""

SKU_PROPERTIES: Final = frozenset(
    {
        *("CoreCount", "DiskMaxIops", "DiskSpace", "DiskType", "GpuCount", "InstanceType", "InstanceSeries"),
        *("MemorySize", "NetworkMaxIops", "NetworkMaxThroughput", "OperatingSystem", "Redundancy", "StorageClass"),
    }
)
"""Keys of SkuPriceDetails that the specification names; all others begin with x_."""
