mod tariff;
